"""A head without a bleed at one of the levels of the brain, in Hounsfield units, as an axial CT shows it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from training.phantoms.brain import BrainLevel, draw_brain
from training.phantoms.canvas import Field, Frame, smooth_noise
from training.phantoms.folds import Layers
from training.phantoms.skull import DIRECTIONS, Skull, add_skull, choose_skull
from training.phantoms.tissue import (
    AIR,
    BONE,
    CALCIFICATION,
    CEREBROSPINAL_FLUID,
    FALX,
    GREY_MATTER,
    WHITE_MATTER,
)


@dataclass
class Phantom:
    """A head in its own coordinates; every array is float32 (height, width).

    Attributes
    ----------
    hounsfield
        HU; bleeds are added to it.
    frame
        Where the head lies in the grid.
    level
        What the section passes through.
    x, y
        Position in mm from the middle of the brain: right and posterior are positive.
    depth
        0 at the middle of the brain, 1 at the inner table of the skull, more outside.
    angle
        Direction from the middle in radians, 0 to the right, pi/2 to the back.
    inner
        Distance from the middle to the inner table in this direction, in mm.
    ventricles, fluid
        Share of each pixel that is ventricle, and that is sulcus or cistern, 0..1.
    """

    hounsfield: Field
    frame: Frame
    level: BrainLevel
    x: Field
    y: Field
    depth: Field
    angle: Field
    inner: Field
    ventricles: Field
    fluid: Field


def skull_at(rng: np.random.Generator, level: BrainLevel) -> Skull:
    """An adult's skull, in a section of this level."""
    return choose_skull(rng, rng.uniform(*_SCALES[level]))


def make_phantom(
    rng: np.random.Generator,
    frame: Frame,
    level: BrainLevel,
    skull: Skull,
    *,
    least_ventricles: float = 0.5,
    least_sulci: float = 0.4,
) -> Phantom:
    """Draw a normal head whose ventricles have at least this relative width, and its sulci this one in mm."""
    x, y = frame.coordinates()
    angle, distance = np.arctan2(y, x), np.hypot(x, y)
    direction = np.rint((angle + np.pi) * ((len(DIRECTIONS) - 1) / (2.0 * np.pi))).astype(np.intp)
    inner = skull.inner(DIRECTIONS)[direction]
    layers = Layers(frame, rng)
    draw_brain(layers, skull, level, rng, (least_ventricles, least_sulci))
    ventricles = layers.ventricles.read()
    fluid = np.maximum(layers.fluid.read(), _rim(rng, inner - distance))
    hounsfield = _brain(rng, layers, inner - distance, frame)
    mix(hounsfield, CEREBROSPINAL_FLUID, fluid)
    mix(hounsfield, CEREBROSPINAL_FLUID, ventricles)
    if rng.random() < 0.35:
        _darken_white_matter(hounsfield, ventricles, frame, rng)
    mix(hounsfield, FALX * rng.uniform(0.9, 1.25), layers.membranes.read())
    mix(hounsfield, CALCIFICATION * rng.uniform(0.6, 1.6), layers.calcifications.read())
    mix(hounsfield, BONE, layers.bone.read())
    mix(hounsfield, AIR, layers.air.read())
    muscle = _MUSCLE[level] * rng.uniform(0.3, 1.0)
    add_skull(hounsfield, distance - inner, direction, frame, rng, muscle)
    return Phantom(
        hounsfield=hounsfield,
        frame=frame,
        level=level,
        x=x,
        y=y,
        depth=np.asarray(distance / inner, dtype=np.float32),
        angle=angle,
        inner=inner,
        ventricles=ventricles,
        fluid=fluid,
    )


def _brain(rng: np.random.Generator, layers: Layers, below: Field, frame: Frame) -> Field:
    """Grey and white matter in HU; `below` is the depth under the inner table in mm."""
    height, width = below.shape
    ribbon = np.clip(
        (rng.uniform(3.0, 5.0) - below) * 0.6 + 0.5 * smooth_noise(rng, height, width, 40), 0.0, 1.0
    )
    grey = np.maximum(ribbon, layers.grey.read())
    grey = ndimage.gaussian_filter(grey, rng.uniform(1.0, 2.0) / frame.spacing, truncate=2.0)
    contrast = rng.uniform(0.5, 1.15) * (GREY_MATTER - WHITE_MATTER)
    hounsfield = np.float32(WHITE_MATTER + rng.uniform(-2.0, 3.0)) + np.float32(contrast) * grey
    hounsfield += np.float32(1.2) * smooth_noise(rng, height, width, 12)
    hounsfield += np.float32(1.2) * smooth_noise(rng, height, width, 50)
    # Beam hardening leaves the brain next to the bone a little too bright.
    hounsfield += np.float32(rng.uniform(0.0, 8.0)) * np.exp(np.minimum(-below, 0.0) / np.float32(6.0))
    return np.asarray(hounsfield, dtype=np.float32)


def _rim(rng: np.random.Generator, below: Field) -> Field:
    """Fluid between brain and skull, more with age, patchy; share of each pixel."""
    deep = np.float32(rng.uniform(-1.5, 2.0)) + smooth_noise(rng, below.shape[0], below.shape[1], 14)
    return np.asarray(np.clip(deep - below, 0.0, 0.8), dtype=np.float32)


def _darken_white_matter(
    hounsfield: Field, ventricles: Field, frame: Frame, rng: np.random.Generator
) -> None:
    """Old age or an old infarct: tissue that is darker, but not blood, in place."""
    height, width = hounsfield.shape
    reach = ndimage.gaussian_filter(ventricles, rng.uniform(5.0, 10.0) / frame.spacing, truncate=2.0)
    dark = np.clip(reach * 4.0, 0.0, 1.0) * rng.uniform(2.0, 7.0)
    if rng.random() < 0.35:
        x, y = frame.coordinates()
        place, radius = rng.uniform((-50.0, -50.0), (50.0, 55.0)), rng.uniform(8.0, 24.0)
        spread = np.hypot(x - place[0], y - place[1]) / radius + 0.25 * smooth_noise(rng, height, width, 14)
        dark += rng.uniform(5.0, 16.0) * np.clip((1.2 - spread) * 4.0, 0.0, 1.0)
    hounsfield -= np.asarray(dark * np.clip((hounsfield - 8.0) / 15.0, 0.0, 1.0), dtype=np.float32)


def mix(hounsfield: Field, value: float, share: NDArray[np.floating]) -> None:
    """Put `value` (HU) into that share (0..1) of each pixel, in place."""
    hounsfield += (np.float32(value) - hounsfield) * np.asarray(share, dtype=np.float32)


_SCALES = {
    BrainLevel.POSTERIOR_FOSSA: (0.98, 1.06),
    BrainLevel.CISTERNS: (0.97, 1.06),
    BrainLevel.VENTRICLES: (0.97, 1.06),
    BrainLevel.BODIES: (0.95, 1.05),
    BrainLevel.CONVEXITY: (0.75, 0.98),
}
"""Relative size of the inner skull."""
_MUSCLE = {
    BrainLevel.POSTERIOR_FOSSA: 1.0,
    BrainLevel.CISTERNS: 1.0,
    BrainLevel.VENTRICLES: 0.7,
    BrainLevel.BODIES: 0.2,
    BrainLevel.CONVEXITY: 0.0,
}
"""How much of the temporal muscle the section meets."""
