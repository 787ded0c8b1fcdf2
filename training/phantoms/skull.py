"""The skull around the brain: its inner outline, its thickness, and the scalp outside it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.phantoms.canvas import Field, Frame
from training.phantoms.tissue import AIR, BONE, FAT, MUSCLE, SKIN, SPONGY_BONE

_BACK = 0.5 * np.pi
DIRECTIONS = np.linspace(-np.pi, np.pi, 721, dtype=np.float32)
"""Radians at which an outline is evaluated; half a degree is 0.7 mm at the skull."""


@dataclass(frozen=True)
class Skull:
    """Outline of the inner table in polar coordinates about the middle of the brain.

    Attributes
    ----------
    half
        Half the inner width, in mm.
    length
        Ratio of the inner length to the inner width.
    waves
        Irregularity: amplitudes, as parts of the radius, of the sines and cosines of 2 to 5 times the angle;
        shape (4, 2).
    crests
        mm by which bone protrudes inwards in the midline, in front and at the back.
    """

    half: float
    length: float
    waves: NDArray[np.float64]
    crests: tuple[float, float]

    @property
    def extent(self) -> tuple[float, float]:
        """Width and length of the head in mm, with about as much bone and scalp as most have."""
        return 2.0 * self.half + 24.0, 2.0 * self.half * self.length + 26.0

    def inner(self, angle: Field) -> Field:
        """Radius in mm at angles in radians; 0 is to the right, pi/2 to the back."""
        radius = self.length / np.hypot(self.length * np.cos(angle), np.sin(angle))
        for order, (sine, cosine) in enumerate(self.waves, start=2):
            radius += sine * np.sin(order * angle) + cosine * np.cos(order * angle)
        front, back = self.crests
        crest = front * _bump(angle, -_BACK, 0.07) + back * _bump(angle, _BACK, 0.13)
        return np.asarray(radius * self.half - crest, dtype=np.float32)


def choose_skull(rng: np.random.Generator, scale: float) -> Skull:
    """An adult's skull; `scale` is the size of the section, 1 at its widest."""
    return Skull(
        half=float(rng.uniform(61.0, 69.0) * scale),
        length=float(rng.uniform(1.14, 1.34)),
        waves=rng.normal(0.0, 1.0, (4, 2)) * [[0.006, 0.006], [0.02, 0.006], [0.006, 0.012], [0.004, 0.004]],
        crests=(float(rng.uniform(0.0, 4.0)), float(rng.uniform(0.0, 5.0))),
    )


def add_skull(
    hounsfield: Field,
    outside: Field,
    direction: NDArray[np.intp],
    frame: Frame,
    rng: np.random.Generator,
    muscle: float,
) -> None:
    """Replace all that lies beyond the inner table, in place, by bone, scalp and air.

    Parameters
    ----------
    hounsfield
        HU, float32 (height, width).
    outside
        Distance from the inner table in mm, negative in the brain.
    direction
        Index of each pixel's direction in `DIRECTIONS`.
    muscle
        How much of the temporal muscle the section meets, 0 to 1.
    """
    thickness, muscles, scalps = _layers(rng, muscle)
    thick, temporal, scalp = thickness[direction], muscles[direction], scalps[direction]
    marrow = np.clip(1.0 - np.abs(outside / thick - 0.5) * 3.5, 0.0, 1.0) * np.clip(
        thick / 6.0 - 0.6, 0.0, 1.0
    )
    _blend(hounsfield, BONE - (BONE - SPONGY_BONE) * marrow, outside, frame)
    beyond = outside - thick
    fat = np.where(beyond < temporal, MUSCLE, rng.uniform(FAT, FAT + 35.0))
    _blend(hounsfield, np.where(beyond > scalp - rng.uniform(1.2, 2.2), SKIN, fat), beyond, frame)
    _blend(hounsfield, np.full_like(outside, AIR), beyond - scalp, frame)


def _layers(rng: np.random.Generator, muscle: float) -> tuple[Field, Field, Field]:
    """Thickness in mm of bone, temporal muscle and whole scalp at each of `DIRECTIONS`.

    One scalp in ten is swollen by a blow, with a bleed or without.
    """
    angle = DIRECTIONS
    thick = rng.uniform(4.0, 8.5) + 1.2 * _wavy(rng, angle)
    thick += rng.uniform(0.0, 3.0) * _bump(angle, _BACK, 0.5)
    thick += rng.uniform(0.0, 3.0) * _bump(angle, -_BACK, 0.6)
    forward = np.abs(off(angle, _BACK))
    temporal = muscle * rng.uniform(3.0, 9.0) * _bump(forward, rng.uniform(1.7, 2.2), 0.45)
    scalp = np.clip(rng.uniform(3.0, 8.0) + 0.8 * _wavy(rng, angle), 2.0, None) + temporal
    if rng.random() < 0.1:
        scalp += rng.uniform(3.0, 10.0) * _bump(angle, rng.uniform(-np.pi, np.pi), 0.4)
        temporal = np.maximum(temporal, scalp - 6.0)
    return np.clip(thick, 3.0, None), temporal, scalp


def off(angle: Field, direction: float) -> Field:
    """Signed difference of angles to a direction, in radians, -pi to pi."""
    return np.asarray((angle - np.float32(direction) + np.pi) % (2.0 * np.pi) - np.pi, dtype=np.float32)


def _bump(angle: Field, direction: float, width: float) -> Field:
    """A bell of height 1 in a direction; `width` in radians."""
    return np.asarray(np.exp(-((off(angle, direction) / width) ** 2)), dtype=np.float32)


def _wavy(rng: np.random.Generator, angle: Field) -> Field:
    """A smooth function of the angle of about unit size."""
    wave = np.zeros_like(angle)
    for order in (1, 2, 3, 5):
        wave += np.float32(rng.normal(0.0, 0.6)) * np.cos(order * angle + np.float32(rng.uniform(0.0, 6.3)))
    return wave


def _blend(hounsfield: Field, value: NDArray[np.floating], beyond: Field, frame: Frame) -> None:
    """Put `value` where `beyond` is above 0, with an edge of one pixel."""
    share = np.clip(beyond / np.float32(frame.spacing) + np.float32(0.5), 0.0, 1.0)
    hounsfield += (value.astype(np.float32) - hounsfield) * share
