"""A head without a bleed, in Hounsfield units: skull, brain, ventricles, sulci, as an axial CT shows them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.canvas import Field, smooth_noise

# HU. White matter is 20 to 30, grey matter 37 to 45, bone 700 to 3000:
# http://radclass.mudr.org/content/hounsfield-units-scale-hu-ct-numbers
AIR = -1000.0
SCALP = 35.0
BONE = 900.0
WHITE_MATTER = 27.0
GREY_MATTER = 37.0
CEREBROSPINAL_FLUID = 7.0
FALX = 48.0
CALCIFICATION = 160.0


@dataclass
class Phantom:
    """A head in its own coordinates; every array is float32 (height, width).

    Attributes
    ----------
    hounsfield
        HU; bleeds are added to it.
    x, y
        Position in units of the inner skull's radius: right and posterior are positive.
    depth
        0 at the middle of the brain, 1 at the inner table of the skull, more outside.
    angle
        Direction from the middle in radians, 0 to the right, pi/2 to the back.
    ventricles
        True inside the ventricles (bool).
    """

    hounsfield: Field
    x: Field
    y: Field
    depth: Field
    angle: Field
    ventricles: NDArray[np.bool_]


def make_phantom(
    rng: np.random.Generator, height: int, width: int, tilt: float, *, above_ventricles: bool
) -> Phantom:
    """Draw a normal head that leans by `tilt` degrees and nearly fills the image."""
    x, y = _coordinates(rng, height, width, tilt)
    angle = np.arctan2(y, x, dtype=np.float32)
    depth = np.hypot(x, y) / _outline(rng, angle)
    bone, scalp = rng.uniform(1.08, 1.17), rng.uniform(1.0, 1.05)
    ventricles = np.zeros(x.shape, dtype=np.bool_) if above_ventricles else _ventricles(rng, x, y)
    folds = smooth_noise(rng, height, width, 22)
    sulci = np.clip((np.abs(folds) < 0.22) * (depth - rng.uniform(0.6, 0.85)) * 5.0, 0.0, 1.0)

    cortex = np.clip((depth - 0.78 + 0.05 * smooth_noise(rng, height, width, 14)) * 9.0, 0.0, 1.0)
    deep_nuclei = np.exp(-(((np.abs(x) - 0.3) / 0.12) ** 2) - ((y + 0.02) / 0.2) ** 2)
    grey = np.maximum(cortex, deep_nuclei)
    hounsfield = WHITE_MATTER + (GREY_MATTER - WHITE_MATTER) * grey
    hounsfield += (CEREBROSPINAL_FLUID - hounsfield) * sulci * rng.uniform(0.2, 1.0)
    hounsfield[(np.abs(x) < 0.012) & (np.abs(y) > 0.5)] = FALX
    hounsfield[ventricles] = CEREBROSPINAL_FLUID
    if rng.random() < 0.5:
        hounsfield[_calcifications(rng, x, y)] = CALCIFICATION
    hounsfield[depth > 1.0] = BONE
    hounsfield[depth > bone] = SCALP
    hounsfield[depth > bone * scalp] = AIR
    return Phantom(
        hounsfield=np.asarray(hounsfield, dtype=np.float32),
        x=x,
        y=y,
        depth=np.asarray(depth, dtype=np.float32),
        angle=angle,
        ventricles=ventricles & (depth < 1.0),
    )


def _coordinates(rng: np.random.Generator, height: int, width: int, tilt: float) -> tuple[Field, Field]:
    radius = min(height / 1.3, width) * rng.uniform(0.38, 0.42)
    rows = (np.arange(height, dtype=np.float32) - height * rng.uniform(0.49, 0.51)) / radius
    columns = (np.arange(width, dtype=np.float32) - width * rng.uniform(0.49, 0.51)) / radius
    cosine, sine = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
    x = cosine * columns[np.newaxis, :] - sine * rows[:, np.newaxis]
    y = sine * columns[np.newaxis, :] + cosine * rows[:, np.newaxis]
    return x.astype(np.float32), y.astype(np.float32)


def _outline(rng: np.random.Generator, angle: Field) -> Field:
    """Radius of the inner table: an ellipse longer from front to back, slightly irregular."""
    length = rng.uniform(1.15, 1.35)
    radius = length / np.hypot(length * np.cos(angle), np.sin(angle))
    for order in (2, 3, 4):
        radius += rng.normal(0.0, 0.012) * np.sin(order * angle)
        radius += rng.normal(0.0, 0.004) * np.cos(order * angle)
    return np.asarray(radius, dtype=np.float32)


def _ventricles(rng: np.random.Generator, x: Field, y: Field) -> NDArray[np.bool_]:
    """Frontal and occipital horns of both lateral ventricles, and the third."""
    size, spread = rng.uniform(0.6, 1.7), rng.uniform(0.02, 0.08)
    mask = np.zeros(x.shape, dtype=np.bool_)
    for side in (-1.0, 1.0):
        across = side * x * (1.0 + rng.normal(0.0, 0.06)) - spread
        frontal = across - 0.09 - 0.25 * np.abs(y + 0.18)
        mask |= (frontal / (0.07 * size)) ** 2 + ((y + 0.3) / 0.24) ** 2 < 1.0
        occipital = across - 0.16 - 0.55 * (y - 0.1)
        mask |= (occipital / (0.08 * size)) ** 2 + ((y - 0.3) / 0.22) ** 2 < 1.0
    mask |= (x / (0.028 * size)) ** 2 + ((y - 0.02) / 0.14) ** 2 < 1.0
    return mask


def _calcifications(rng: np.random.Generator, x: Field, y: Field) -> NDArray[np.bool_]:
    """Choroid plexus on both sides, pineal gland in the middle: bright, but no blood."""
    size = rng.uniform(0.03, 0.055)
    plexus = np.hypot(np.abs(x) - rng.uniform(0.24, 0.32), y - rng.uniform(0.26, 0.34)) < size
    pineal = np.hypot(x, y - rng.uniform(0.18, 0.24)) < rng.uniform(0.0, 0.04)
    return np.asarray(plexus | pineal)
