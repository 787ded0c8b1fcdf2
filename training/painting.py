"""Bleeds painted into normal brains, and what is no bleed but could be taken for one.

Units and shapes are those of `training.augment`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from training.augment import Plane

Mask = NDArray[np.bool_]

_VISIBLE = 0.15
"""Painted blood counts where it is brighter by this than what it covers."""
_LEAST_BRAIN = 200
"""Pixels of brain without which there is no place for a bleed."""


@dataclass(frozen=True)
class _Canvas:
    """A normal head: its pixels, its brain, the brain with what it encloses, places about its middle."""

    image: Plane
    brain: Mask
    filled: Mask
    y: Plane
    x: Plane
    angle: Plane

    @property
    def side(self) -> int:
        return int(self.image.shape[0])


def paint_bleed(image: Plane, rng: np.random.Generator) -> tuple[Plane, Mask]:
    """Paint one or two bleeds into a normal brain: clot, crescent, lens, in folds or in the ventricles.

    Returns
    -------
    image
        With the blood; a clot may have a darker rim of oedema.
    mask
        bool (size, size), where the blood can be seen.
    """
    brain = ndimage.binary_opening((image > -0.95) & (image < 0.75) & (image != 0.0), iterations=1)
    if np.count_nonzero(brain) < _LEAST_BRAIN:
        return image, np.zeros(image.shape, dtype=np.bool_)
    canvas = _canvas(image, brain)
    top = np.percentile(image, 99.0)  # blood is never brighter than the window's white, which bone shows
    painted = image.copy()
    for _ in range(1 + int(rng.random() < 0.3)):
        shape = _SHAPES[int(rng.choice(len(_SHAPES), p=_SHARES))]
        patch, oedema, inside = shape(canvas, rng)
        bright = np.minimum(rng.uniform(0.35, 1.4) + 0.1 * ragged(canvas.side, rng), top)
        weight = ndimage.gaussian_filter(
            (patch & inside).astype(np.float32), rng.uniform(0.4, 1.0), truncate=2.5
        )
        painted -= oedema
        painted += weight * inside * np.maximum(bright - painted, 0.0)
    return np.asarray(painted, dtype=np.float32), visible(painted, image)


def visible(painted: Plane, image: Plane) -> Mask:
    """Where the paint is bright enough to be seen."""
    return painted - image > _VISIBLE


def paint_decoy(image: Plane, rng: np.random.Generator) -> Plane:
    """Paint what is not blood: dark old infarcts, or small calcifications, mostly brighter than it."""
    brain = (image > -0.9) & (image < 0.6) & (image != 0.0)
    places = np.argwhere(brain)
    if len(places) == 0:
        return image
    side, painted = image.shape[0], image.copy()
    if rng.random() < 0.5:
        for _ in range(int(rng.integers(1, 3))):
            spread = _spread(side, places, side * rng.uniform(0.02, 0.14), rng)
            painted -= np.clip(1.3 - spread, 0.0, 0.3) / 0.3 * brain * rng.uniform(0.15, 0.9)
        return np.asarray(painted, dtype=np.float32)
    rows, columns = np.ogrid[0:side, 0:side]
    for row, column in _specks(side, rng):
        distance = np.hypot((rows - row) / rng.uniform(0.7, 1.6), columns - column)
        weight = np.clip(rng.uniform(0.8, 1.8) - distance, 0.0, 1.0) * brain
        painted += weight * np.maximum(rng.uniform(1.6, 2.4) - painted, 0.0)
    return np.asarray(painted, dtype=np.float32)


def _specks(side: int, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Places of the pineal gland, the plexus, the basal ganglia: in the middle, or often in pairs."""
    specks = []
    for _ in range(int(rng.integers(1, 4))):
        row = side * rng.uniform(0.25, 0.75)
        aside = rng.normal(0.0, 0.01) if rng.random() < 0.4 else rng.choice((-1, 1)) * rng.uniform(0.05, 0.25)
        specks.append((row, side * (0.5 + aside)))
        if rng.random() < 0.6:
            specks.append((row + rng.normal(0.0, 1.5), side * (0.5 - aside)))
    return specks


def _canvas(image: Plane, brain: Mask) -> _Canvas:
    filled = ndimage.binary_fill_holes(brain)
    rows, columns = np.nonzero(filled)
    y, x = np.mgrid[0 : image.shape[0], 0 : image.shape[1]].astype(np.float32)
    y, x = y - np.float32(rows.mean()), x - np.float32(columns.mean())
    return _Canvas(image, brain, filled, y, x, np.arctan2(y, x))


_Patch = tuple[Mask, Plane, Mask]
"""Where the blood is, how much darker the tissue around it gets, and what the blood cannot leave."""


def _clot(canvas: _Canvas, rng: np.random.Generator) -> _Patch:
    radius = canvas.side * float(np.exp(rng.uniform(np.log(0.018), np.log(0.13))))
    spread = _spread(canvas.side, np.argwhere(canvas.brain), radius, rng)
    oedema = np.zeros(spread.shape, dtype=np.float32)
    if rng.random() < 0.45:
        rim = (
            np.clip((1.25 + rng.uniform(0.0, 0.5) - spread) * 4.0, 0.0, 1.0) * canvas.brain * (spread >= 1.0)
        )
        oedema = np.asarray(rng.uniform(0.05, 0.45) * rim, dtype=np.float32)
    return spread < 1.0, oedema, canvas.brain


def _crescent(canvas: _Canvas, rng: np.random.Generator) -> _Patch:
    """Subdural: the part of the brain that a shifted copy of it leaves uncovered."""
    angle, distance = rng.uniform(-np.pi, np.pi), canvas.side * rng.uniform(0.02, 0.08)
    shift = (distance * np.sin(angle), distance * np.cos(angle))
    moved = ndimage.shift(canvas.filled.astype(np.float32), shift, order=0)
    return canvas.filled & (moved < 0.5), _none(canvas), canvas.filled


def _lens(canvas: _Canvas, rng: np.random.Generator) -> _Patch:
    """Epidural: a disc whose middle lies outside the brain."""
    angle = rng.uniform(-np.pi, np.pi)
    ray = canvas.filled & (_away(canvas, angle) < 0.06)
    reach = float((np.hypot(canvas.y, canvas.x) * ray).max()) + canvas.side * rng.uniform(0.02, 0.08)
    distance = np.hypot(canvas.y - reach * np.sin(angle), canvas.x - reach * np.cos(angle))
    return distance < canvas.side * rng.uniform(0.1, 0.22), _none(canvas), canvas.filled


def _in_folds(canvas: _Canvas, rng: np.random.Generator) -> _Patch:
    """Subarachnoid: the dark folds near the skull turn bright, within a sector; often more of them."""
    depth = int(canvas.side * rng.uniform(0.05, 0.16))
    edge = canvas.filled & ~ndimage.binary_erosion(canvas.filled, iterations=depth)
    away = _away(canvas, rng.uniform(-np.pi, np.pi))
    dark = ndimage.gaussian_filter(canvas.image, 0.5) < rng.uniform(-0.35, -0.1)
    patch = dark & edge & (away < rng.uniform(0.4, 1.4))
    if rng.random() < 0.5:
        folds = np.abs(ragged(canvas.side, rng, 24)) < 0.18
        patch |= folds & edge & (away < rng.uniform(0.4, 1.0))
    return patch, _none(canvas), canvas.filled


def _in_ventricles(canvas: _Canvas, rng: np.random.Generator) -> _Patch:
    """Intraventricular: fluid near the middle turns bright: all, the lower part, or one side."""
    dark = ndimage.gaussian_filter(canvas.image, 0.6) < rng.uniform(-0.6, -0.35)
    fluid = dark & (np.hypot(canvas.y / 0.32, canvas.x / 0.22) < canvas.side)
    kind = rng.random()
    if kind < 0.35:
        fluid &= canvas.y > canvas.side * rng.uniform(-0.1, 0.12)
    elif kind < 0.7:
        fluid &= canvas.x * rng.choice((-1, 1)) > 0.0
    return fluid, _none(canvas), canvas.filled


_SHAPES: tuple[Callable[[_Canvas, np.random.Generator], _Patch], ...] = (
    _clot,
    _crescent,
    _lens,
    _in_folds,
    _in_ventricles,
)
_SHARES = (0.50, 0.18, 0.08, 0.12, 0.12)


def _spread(side: int, places: NDArray[np.intp], radius: float, rng: np.random.Generator) -> Plane:
    """Distance from one of the places, in units of the radius, of a ragged ellipse."""
    row, column = places[rng.integers(len(places))]
    rows, columns = np.ogrid[0:side, 0:side]
    turn = rng.uniform(0.0, np.pi)
    along = np.cos(turn) * (columns - column) + np.sin(turn) * (rows - row)
    across = np.cos(turn) * (rows - row) - np.sin(turn) * (columns - column)
    spread = np.hypot(along / rng.uniform(1.0, 2.0), across) * (1.0 + 0.25 * ragged(side, rng))
    return np.asarray(spread / radius, dtype=np.float32)


def _away(canvas: _Canvas, angle: float) -> Plane:
    """How far each pixel's direction is from that angle; 0..pi."""
    return np.asarray(np.abs((canvas.angle - angle + np.pi) % (2.0 * np.pi) - np.pi), dtype=np.float32)


def _none(canvas: _Canvas) -> Plane:
    return np.zeros(canvas.image.shape, dtype=np.float32)


def ragged(side: int, rng: np.random.Generator, cells: int = 12) -> Plane:
    """Smooth noise of standard deviation about 1, for outlines and textures."""
    coarse = Image.fromarray(rng.standard_normal((cells, cells), dtype=np.float32))
    return np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC), dtype=np.float32)
