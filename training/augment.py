"""Random changes to prepared training images: geometry, window, sharpness, noise.

All arrays are float32 (size, size) in the units of `images.preprocessing`: 0 is the brain's median (and
outside the head), 1 is five robust deviations above it.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Plane = NDArray[np.float32]


def distort(image: Plane, rng: np.random.Generator) -> Plane:
    """Flip, rotate, zoom, shear and shift about the middle; the same for all planes of one seed."""
    side = image.shape[0]
    angle = np.radians(rng.normal(0.0, 7.0))
    zoom, stretch = rng.uniform(0.86, 1.12), rng.uniform(0.93, 1.07)
    flip = -1.0 if rng.random() < 0.5 else 1.0
    shear = rng.normal(0.0, 0.05)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = matrix @ np.array([[flip / (zoom * stretch), shear], [0.0, stretch / zoom]])
    middle = np.full(2, side / 2.0)
    offset = middle - matrix @ middle + rng.normal(0.0, 0.018 * side, 2)
    coefficients = (*matrix[0], offset[0], *matrix[1], offset[1])
    moved = Image.fromarray(image).transform(
        image.shape, Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR
    )
    return np.asarray(moved, dtype=np.float32)


def degrade(image: Plane, rng: np.random.Generator) -> Plane:
    """Change window, sharpness and noise and add a bias field, inside the head only."""
    side = image.shape[0]
    head = image != 0.0
    out = image * np.float32(rng.uniform(0.7, 1.4)) + np.float32(rng.normal(0.0, 0.07))
    field = rng.normal(0.0, 0.07, 2)
    ramp = np.linspace(-1.0, 1.0, side, dtype=np.float32)
    out += np.float32(field[0]) * ramp[:, np.newaxis] + np.float32(field[1]) * ramp[np.newaxis, :]
    if rng.random() < 0.35:  # a narrow window shows bone as white and fluid as black, but not blood as bone
        out = np.clip(out, rng.uniform(-1.1, -0.55), rng.uniform(1.3, 2.4)).astype(np.float32)
    out = _resolve(out, rng)
    if rng.random() < 0.5:
        noise = rng.standard_normal(out.shape, dtype=np.float32)
        if rng.random() < 0.4:
            noise = 2.0 * ndimage.uniform_filter(noise, 2)
        out = out + noise * np.float32(rng.uniform(0.0, 0.16))
    return np.asarray(np.where(head, out, 0.0), dtype=np.float32)


def _resolve(image: Plane, rng: np.random.Generator) -> Plane:
    """Blur, sharpen or coarsen, as reconstruction kernels and exports at other sizes do; or leave it."""
    side, kind = image.shape[0], rng.random()
    if kind < 0.25:
        return np.asarray(ndimage.gaussian_filter(image, rng.uniform(0.3, 1.1), truncate=2.5))
    if kind < 0.35:
        blurred = ndimage.gaussian_filter(image, 0.8, truncate=2.5)
        return np.asarray(image + np.float32(rng.uniform(0.3, 1.0)) * (image - blurred))
    if kind < 0.5:
        less = int(side * rng.uniform(0.45, 0.8))
        coarse = Image.fromarray(image).resize((less, less), Image.Resampling.BILINEAR)
        return np.asarray(coarse.resize((side, side), Image.Resampling.BILINEAR), dtype=np.float32)
    return image
