"""Random changes to prepared training images: geometry, contrast, noise, and painted bleeds.

All arrays are float32 (size, size) in the units of `models.preprocessing`: 0 is the brain's median (and
outside the head), 1 is five robust deviations above it.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Plane = NDArray[np.float32]

_VISIBLE = 0.15
"""Painted blood counts where it is brighter by this than what it covers."""


def distort(image: Plane, rng: np.random.Generator) -> Plane:
    """Flip, rotate, zoom, shear and shift about the middle; the same for all planes of one seed."""
    side = image.shape[0]
    angle = np.radians(rng.normal(0.0, 6.0))
    zoom, stretch = rng.uniform(0.9, 1.12), rng.uniform(0.94, 1.06)
    flip = -1.0 if rng.random() < 0.5 else 1.0
    shear = rng.normal(0.0, 0.05)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = matrix @ np.array([[flip / (zoom * stretch), shear], [0.0, stretch / zoom]])
    middle = np.full(2, side / 2.0)
    offset = middle - matrix @ middle + rng.normal(0.0, 0.015 * side, 2)
    coefficients = (*matrix[0], offset[0], *matrix[1], offset[1])
    moved = Image.fromarray(image).transform(
        image.shape, Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR
    )
    return np.asarray(moved, dtype=np.float32)


def degrade(image: Plane, rng: np.random.Generator) -> Plane:
    """Change contrast and brightness, add a bias field, blur and noise, inside the head only."""
    side = image.shape[0]
    head = image != 0.0
    out = image * np.float32(rng.uniform(0.7, 1.35)) + np.float32(rng.normal(0.0, 0.06))
    field = rng.normal(0.0, 0.07, 2)
    ramp = np.linspace(-1.0, 1.0, side, dtype=np.float32)
    out += np.float32(field[0]) * ramp[:, np.newaxis] + np.float32(field[1]) * ramp[np.newaxis, :]
    if rng.random() < 0.3:
        out = ndimage.gaussian_filter(out, rng.uniform(0.3, 1.1))
    if rng.random() < 0.5:
        out += rng.standard_normal(out.shape, dtype=np.float32) * np.float32(rng.uniform(0.0, 0.15))
    return np.asarray(np.where(head, out, 0.0), dtype=np.float32)


def paint_bleed(image: Plane, rng: np.random.Generator) -> tuple[Plane, NDArray[np.bool_]]:
    """Paint one or two bright patches with ragged edges into a normal brain.

    Returns
    -------
    image
        With the patches.
    mask
        bool (size, size), where they can be seen.
    """
    brain = ndimage.binary_opening((image > -0.9) & (image < 0.75) & (image != 0.0), iterations=1)
    painted = image.copy()
    candidates = np.argwhere(brain)
    if len(candidates) == 0:
        return painted, np.zeros(image.shape, dtype=np.bool_)
    for _ in range(1 + int(rng.random() < 0.25)):
        patch = _along_skull(image, brain, rng) if rng.random() < 0.25 else _ellipse(candidates, rng, image)
        weight = ndimage.gaussian_filter(np.asarray(patch & brain, dtype=np.float32), rng.uniform(0.4, 1.0))
        bright = rng.uniform(0.35, 1.5) + 0.1 * _ragged(image.shape[0], rng)
        painted += weight * np.maximum(bright - painted, 0.0) * (painted < bright)
    return np.asarray(painted, dtype=np.float32), painted - image > _VISIBLE


def _ellipse(candidates: NDArray[np.intp], rng: np.random.Generator, image: Plane) -> NDArray[np.bool_]:
    side = image.shape[0]
    row, column = candidates[rng.integers(len(candidates))]
    rows, columns = np.ogrid[0:side, 0:side]
    turn = rng.uniform(0.0, np.pi)
    along = np.cos(turn) * (columns - column) + np.sin(turn) * (rows - row)
    across = np.cos(turn) * (rows - row) - np.sin(turn) * (columns - column)
    radius = side * float(np.exp(rng.uniform(np.log(0.02), np.log(0.13))))
    ragged = np.hypot(along / rng.uniform(1.0, 2.0), across) * (1.0 + 0.25 * _ragged(side, rng))
    return np.asarray(ragged < radius)


def _along_skull(image: Plane, brain: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """A crescent: the part of the brain that a shifted, slightly smaller copy of it leaves uncovered."""
    side = image.shape[0]
    filled = ndimage.binary_fill_holes(brain)
    angle = rng.uniform(0.0, 2.0 * np.pi)
    distance = side * rng.uniform(0.02, 0.07)
    moved = ndimage.shift(
        filled.astype(np.float32), (distance * np.sin(angle), distance * np.cos(angle)), order=0
    )
    return np.asarray(filled & (moved < 0.5))


def _ragged(side: int, rng: np.random.Generator) -> Plane:
    coarse = Image.fromarray(rng.standard_normal((12, 12), dtype=np.float32))
    return np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC), dtype=np.float32)
