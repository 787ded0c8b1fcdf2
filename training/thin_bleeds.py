"""Thin and small bleeds at the edge of the brain's cavity, painted so that they can be seen.

Units and shapes are those of `training.augment`.
"""

import numpy as np
from scipy import ndimage

from training.augment import Plane
from training.painting import Mask, ragged, visible

_LEAST_CAVITY = 400
"""Pixels of the largest piece of soft tissue without which there is no place for a bleed."""
_TRIES = 6
_LEAST_PIXELS, _LEAST_CONTRAST = 12, 0.35
"""What can be seen: so many pixels of blood, on average brighter by this than what they cover."""


def paint_thin(image: Plane, rng: np.random.Generator) -> tuple[Plane, Mask]:
    """Paint a lens, a crescent or a small clot, again until it can be seen; else nothing."""
    filled = cavity(image)
    if np.count_nonzero(filled) >= _LEAST_CAVITY:
        for _ in range(_TRIES):
            painted = _paint(image, filled, rng)
            mask = visible(painted, image)
            if np.count_nonzero(mask) >= _LEAST_PIXELS and (painted - image)[mask].mean() >= _LEAST_CONTRAST:
                return painted, mask
    return image, np.zeros(image.shape, dtype=np.bool_)


def cavity(image: Plane) -> Mask:
    """The largest piece of soft tissue inside the bone, with what it encloses."""
    soft = ndimage.binary_opening((image > -1.0) & (image < 0.8) & (image != 0.0))
    pieces, count = ndimage.label(soft)
    if count == 0:
        return np.zeros(image.shape, dtype=np.bool_)
    largest = pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
    return np.asarray(ndimage.binary_fill_holes(largest), dtype=np.bool_)


def _paint(image: Plane, filled: Mask, rng: np.random.Generator) -> Plane:
    side, top = image.shape[0], max(float(np.percentile(image, 99.0)), 0.4)
    painted = image.copy()
    for _ in range(1 + int(rng.random() < 0.2)):
        share = _clot(filled, rng) if rng.random() < 0.3 else _at_the_edge(filled, rng)
        share = ndimage.gaussian_filter(share * filled, rng.uniform(0.3, 0.9), truncate=2.5) * filled
        bright = np.minimum(rng.uniform(0.55, 1.8) + 0.1 * ragged(side, rng), top)
        painted += share * np.maximum(bright - painted, 0.0)
    return np.asarray(painted, dtype=np.float32)


def _at_the_edge(filled: Mask, rng: np.random.Generator) -> Plane:
    """An epidural lens, or a subdural crescent: wider, thinner and less even."""
    side = filled.shape[0]
    unit = side / 128.0
    rows, columns = np.nonzero(filled)
    y, x = np.mgrid[:side, :side]
    angle = np.arctan2(y - rows.mean(), x - columns.mean()) - rng.uniform(-np.pi, np.pi)
    away = np.abs((angle + np.pi) % (2.0 * np.pi) - np.pi)
    if rng.random() < 0.56:
        thickest = unit * np.exp(rng.uniform(np.log(1.8), np.log(11.0)))
        thickness = thickest * (1.0 - (away / rng.uniform(0.15, 0.6)) ** 2)
    else:
        thickest = unit * np.exp(rng.uniform(np.log(1.3), np.log(7.0)))
        thickness = thickest * (1.0 - (away / rng.uniform(0.4, 1.5)) ** 4 + 0.15 * ragged(side, rng))
    depth = ndimage.distance_transform_edt(np.pad(filled, 1))[1:-1, 1:-1]
    return np.asarray(np.clip(thickness - depth + 0.5, 0.0, 1.0) * (thickness > 0.6), dtype=np.float32)


def _clot(filled: Mask, rng: np.random.Generator) -> Plane:
    """A small one anywhere in the cavity, also next to bone."""
    side = filled.shape[0]
    row, column = rng.choice(np.argwhere(filled))
    radius = side / 128.0 * np.exp(rng.uniform(np.log(1.6), np.log(9.0)))
    y, x = np.ogrid[:side, :side]
    away = np.hypot((y - row) / rng.uniform(0.6, 1.6), x - column) * (1.0 + 0.25 * ragged(side, rng))
    return np.asarray(np.clip(radius - away + 0.5, 0.0, 1.0), dtype=np.float32)
