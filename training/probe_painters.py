"""Bleeds for probes: of the shapes that training paints, and of others.

They are painted in several times the network's resolution into prepared heads (`training.augment.Plane`).
Sizes are in mm: thickness of a lens or crescent, radius of a clot.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from images.constants import Preprocessing
from training.augment import Plane
from training.painting import Mask, ragged
from training.thin_bleeds import cavity

SHAPES = ("epidural", "subdural", "clot")
SIZES = (2.5, 4.0, 6.0, 9.0)
_HEAD = 190.0
"""Length of a head in mm, for the size of what is painted."""
_LEAST_CAVITY = 10_000
_LEAST_PIXELS = 5.0
Painter = Callable[[Plane, str, float, np.random.Generator], Plane | None]
"""Head, shape, size (mm) and chance to the painted head; None where there is no room."""


def paint_alike(fine: Plane, shape: str, size: float, rng: np.random.Generator) -> Plane | None:
    """One bleed of a shape that `training.thin_bleeds` has too, with other sizes and edges.

    Lenses and crescents lie along the edge of the largest piece of soft tissue, clots inside it.
    """
    filled = cavity(fine)
    if np.count_nonzero(filled) < _LEAST_CAVITY:
        return None
    side, extent = fine.shape[0], size * _unit(fine)
    depth = _depth(filled)
    y, x = np.mgrid[:side, :side]
    if shape == "clot":
        place = _inside(depth, extent, rng)
        if place is None:
            return None
        row, column = place
        away = np.hypot((y - row) / rng.uniform(0.8, 1.25), x - column) * (1.0 + 0.2 * ragged(side, rng))
        share = np.clip(extent - away + 0.5, 0.0, 1.0)
    else:
        rows, columns = np.nonzero(filled)
        angle = np.arctan2(y - rows.mean(), x - columns.mean()) - rng.uniform(-np.pi, np.pi)
        away = np.abs((angle + np.pi) % (2.0 * np.pi) - np.pi)
        if shape == "epidural":
            thickness = extent * (1.0 - (away / rng.uniform(0.2, 0.5)) ** 2)
        else:
            thickness = extent * (1.0 - (away / rng.uniform(0.6, 1.4)) ** 4)
        share = np.clip(thickness - depth + 0.5, 0.0, 1.0) * (thickness > 0.0)
    return _filled_with_blood(fine, share, filled, rng)


def paint_otherwise(fine: Plane, shape: str, size: float, rng: np.random.Generator) -> Plane | None:
    """One bleed of a shape that training does not paint.

    An epidural is cut off the cavity by a circle, a subdural is what the cavity loses when it is moved by its
    thickness, a clot is the lowest part of a rough bowl, with the area of a circle.
    """
    filled = cavity(fine)
    if np.count_nonzero(filled) < _LEAST_CAVITY:
        return None
    side, unit = fine.shape[0], _unit(fine)
    extent = size * unit
    y, x = np.mgrid[:side, :side]
    if shape == "clot":
        place = _inside(_depth(filled), extent, rng)
        if place is None:
            return None
        away = np.hypot(y - place[0], x - place[1]) / extent
        rough = ndimage.gaussian_filter(rng.standard_normal(fine.shape), extent / 2.0)
        bowl = np.where(away < 2.2, away + 0.35 * rough / rough.std(), np.inf)
        share = bowl <= np.partition(bowl.ravel(), int(np.pi * extent**2))[int(np.pi * extent**2)]
    elif shape == "epidural":
        edge = rng.choice(np.argwhere(filled & ~ndimage.binary_erosion(filled))).astype(np.float64)
        inwards = np.argwhere(filled).mean(axis=0) - edge
        half_length = rng.uniform(10.0, 25.0) * unit
        radius = (half_length**2 + extent**2) / (2.0 * extent)
        row, column = edge - inwards / np.hypot(*inwards) * (radius - extent)
        share = np.hypot(y - row, x - column) <= radius
    else:
        angle = rng.uniform(-np.pi, np.pi)
        moved = ndimage.shift(
            filled.astype(np.float32), (extent * np.sin(angle), extent * np.cos(angle)), order=1
        )
        share = filled & (moved < 0.5)
    return _filled_with_blood(fine, share, filled, rng)


def _unit(fine: Plane) -> float:
    """Pixels in a mm."""
    return float(fine.shape[0] * (1.0 - 2.0 * Preprocessing().margin) / _HEAD)


def _depth(filled: Mask) -> NDArray[np.float64]:
    return np.asarray(ndimage.distance_transform_edt(np.pad(filled, 1))[1:-1, 1:-1])


def _inside(depth: NDArray[np.float64], extent: float, rng: np.random.Generator) -> NDArray[np.intp] | None:
    """Row and column deeper than that; None where there is none."""
    places = np.argwhere(depth > extent)
    return places[rng.integers(len(places))] if len(places) else None


def _filled_with_blood(
    fine: Plane, share: NDArray[np.float64] | Mask, filled: Mask, rng: np.random.Generator
) -> Plane | None:
    share = ndimage.gaussian_filter((share * filled).astype(np.float32), _unit(fine) / 2.0) * filled
    if share.sum() < _LEAST_PIXELS:
        return None
    bright = rng.uniform(0.7, 1.5) + 0.08 * ragged(fine.shape[0], rng)
    return np.asarray(fine + share * np.maximum(bright - fine, 0.0), dtype=np.float32)
