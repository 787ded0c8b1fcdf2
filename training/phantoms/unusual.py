"""What heads of an emergency ward show besides blood: gaps in the skull, bone of one side, motion.

Networks that never saw it take much of it for blood, or blood for it.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from training.phantoms.brain import BrainLevel
from training.phantoms.canvas import Field, smooth_noise
from training.phantoms.phantom import Phantom, mix
from training.phantoms.skull import off
from training.phantoms.tissue import AIR, BONE, SKIN

_BONE_FROM = 150.0
"""HU from which on a pixel counts as bone."""
_BUBBLE = -700.0
"""HU of a bubble of air, which no slice holds the whole of."""
_SUTURES = (-1.05, 0.95)
"""Directions of the coronal and the lambdoid suture of the right side, as `Phantom.angle`."""
_BASE = (
    ((28.0, -50.0), (16.0, 9.0)),
    ((48.0, -16.0), (11.0, 7.0)),
    ((48.0, 14.0), (16.0, 8.0)),
)
"""Middle and radii, in mm, of the right orbital roof, wing of the sphenoid and petrous bone."""
_LOW = (BrainLevel.POSTERIOR_FOSSA, BrainLevel.CISTERNS)
"""Levels that meet them."""


def add_unusual(phantom: Phantom, rng: np.random.Generator) -> None:
    """Change a head in place, whether it bleeds or not: each thing by chance, many heads not at all."""
    child = rng.random() < 0.12
    if child:
        _make_child(phantom, rng)
    if child or rng.random() < 0.25:
        _open_sutures(phantom, rng, widest=9.0 if child else 2.0)
    if rng.random() < 0.12:
        _break_skull(phantom, rng)
    if rng.random() < 0.04:  # a piece of the skull was taken out
        _open_skull(phantom, float(rng.uniform(-np.pi, np.pi)), rng.uniform(12.0, 60.0), 0.0)
    if rng.random() < 0.2:
        _brighten_falx(phantom, rng)
    if phantom.level in _LOW and rng.random() < 0.6:
        _lean(phantom, rng)
    if rng.random() < 0.08:
        _move(phantom, rng)


def _make_child(phantom: Phantom, rng: np.random.Generator) -> None:
    """Thinner, less dense bone, and a brain of more water and less contrast."""
    beyond = (phantom.depth - 1.0) * phantom.inner
    outside = _share(beyond - np.float32(rng.uniform(1.5, 4.0)), phantom)
    bone = phantom.hounsfield > _BONE_FROM
    phantom.hounsfield[bone] *= np.float32(rng.uniform(0.35, 0.9))
    mix(phantom.hounsfield, SKIN, outside * bone * (beyond > 0.0))
    brain = (phantom.depth < 1.0) & (phantom.hounsfield > 12.0) & (phantom.hounsfield < 50.0)
    contrast, middle = np.float32(rng.uniform(0.4, 1.0)), 30.0
    paler = np.float32(middle - rng.uniform(0.0, 7.0)) + contrast * (phantom.hounsfield[brain] - middle)
    phantom.hounsfield[brain] = paler


def _open_sutures(phantom: Phantom, rng: np.random.Generator, widest: float) -> None:
    """Gaps on both sides, and often in the midline."""
    for direction in _SUTURES:
        if rng.random() < 0.7:
            turn, width = rng.normal(0.0, 0.15), rng.uniform(0.7, widest)
            for way in (direction, np.pi - direction):
                own = width * rng.uniform(0.6, 1.4)
                place = way + turn * np.cos(way) + rng.normal(0.0, 0.04)
                _open_skull(phantom, place, own, rng.normal(0.0, 0.6))
    for direction in (-0.5 * np.pi, 0.5 * np.pi):
        if rng.random() < 0.35:
            place = direction + rng.normal(0.0, 0.03)
            _open_skull(phantom, place, rng.uniform(0.7, widest), rng.normal(0.0, 0.3))


def _break_skull(phantom: Phantom, rng: np.random.Generator) -> None:
    """One or two cracks anywhere; the bone about them may be driven in, and air be inside."""
    direction = float(rng.uniform(-np.pi, np.pi))
    for _ in range(int(rng.integers(1, 3))):
        place = direction + rng.normal(0.0, 0.15)
        _open_skull(phantom, place, rng.uniform(0.6, 3.0), rng.normal(0.0, 1.0))
    if rng.random() < 0.35:
        deepest, wide = np.float32(rng.uniform(1.0, 7.0)), np.float32(rng.uniform(0.08, 0.2))
        deep = deepest * np.exp(-((off(phantom.angle, direction) / wide) ** 2))
        _drive_in(phantom, deep * np.clip(1.0 - np.abs(phantom.depth - 1.08) / 0.25, 0.0, 1.0))
    for _ in range(int(rng.integers(1, 6)) if rng.random() < 0.3 else 0):
        way, deep = direction + rng.normal(0.0, 0.3), rng.uniform(0.85, 1.0)
        radius = rng.uniform(0.8, 3.5)
        x, y = (turned(way) * deep * phantom.inner for turned in (np.cos, np.sin))
        near = np.abs(off(phantom.angle, way)) < 0.5
        mix(
            phantom.hounsfield,
            _BUBBLE,
            _share(radius - np.hypot(phantom.x - x, phantom.y - y), phantom) * near,
        )


def _open_skull(phantom: Phantom, direction: float, width: float, slant: float) -> None:
    """Soft tissue in place of bone, `width` mm wide in a direction; `slant` mm aside for each mm outwards."""
    away, beyond = off(phantom.angle, direction), (phantom.depth - 1.0) * phantom.inner
    gap = _share(0.5 * width - np.abs(away * phantom.inner - np.float32(slant) * beyond), phantom)
    here = (beyond > -1.0) & (np.abs(away) < 1.2) & (phantom.hounsfield > _BONE_FROM)
    mix(phantom.hounsfield, SKIN - 5.0, gap * here)


def _brighten_falx(phantom: Phantom, rng: np.random.Generator) -> None:
    """Pieces of bone in the midline, or all of it as bright as the blood in its sinus."""
    half = np.float32(rng.uniform(0.5, 2.0))
    y = phantom.y / phantom.inner.max()
    front, back = rng.uniform(-0.9, -0.5), rng.uniform(0.5, 0.9)
    pieces = np.abs(y) < 0.95 if phantom.level is BrainLevel.CONVEXITY else (y < front) | (y > back)
    if rng.random() < 0.6:
        pieces &= smooth_noise(rng, phantom.frame.height, phantom.frame.width, 16) > 0.4
        value = rng.uniform(100.0, 500.0)
    else:
        value = rng.uniform(52.0, 75.0)
    mix(
        phantom.hounsfield, value, _share(half - np.abs(phantom.x), phantom) * pieces * (phantom.depth < 0.98)
    )


def _lean(phantom: Phantom, rng: np.random.Generator) -> None:
    """The head leans aside: one side meets bone of the base, the other mostly brain."""
    lower = float(rng.choice((-1.0, 1.0)))
    for (right, back), (wide, long) in _BASE:
        if rng.random() < 0.5:
            continue
        for side, seen in ((lower, rng.uniform(0.4, 1.0)), (-lower, rng.uniform(0.0, 0.35))):
            x = phantom.x - np.float32(side * right + rng.normal(0.0, 4.0))
            y = phantom.y - np.float32(back + rng.normal(0.0, 5.0))
            turn = side * rng.normal(0.3, 0.3)
            across, along = np.cos(turn) * x + np.sin(turn) * y, -np.sin(turn) * x + np.cos(turn) * y
            spread = np.hypot(across / wide, along / long) / np.float32(0.4 + 0.8 * seen)
            spread *= 1.0 + 0.3 * smooth_noise(rng, phantom.frame.height, phantom.frame.width, 20)
            share = np.clip((1.0 - spread) * np.float32(rng.uniform(1.0, 4.0)), 0.0, 1.0)
            # A slice that only grazes the bone shows it little brighter than blood.
            value = rng.uniform(70.0, 200.0) if rng.random() < 0.3 else BONE * rng.uniform(0.2, 0.9)
            mix(phantom.hounsfield, value, share * (phantom.hounsfield < value))


def _move(phantom: Phantom, rng: np.random.Generator) -> None:
    """The head moved during the scan: its picture lies twice over itself, here more and there less."""
    shown = np.minimum(phantom.hounsfield, 400.0)
    moved = ndimage.rotate(shown, rng.normal(0.0, 3.0), reshape=False, order=1, cval=AIR)
    moved = ndimage.shift(moved, rng.normal(0.0, 2.0, 2) / phantom.frame.spacing, order=1, cval=AIR)
    rows = np.linspace(-1.0, 1.0, len(shown), dtype=np.float32)[:, np.newaxis]
    most = rng.uniform(0.15, 0.5)
    share = most * (0.6 + 0.4 * np.sin(rng.uniform(1.0, 4.0) * rows + rng.uniform(0.0, 6.0)))
    phantom.hounsfield += (moved - phantom.hounsfield) * share.astype(np.float32)


def _drive_in(phantom: Phantom, deep: Field) -> None:
    """Move what is drawn towards the middle, by so many mm at each place."""
    outwards = np.stack((np.cos(phantom.angle) * deep, np.sin(phantom.angle) * deep), axis=-1)
    frame = phantom.frame
    ends = frame.pixels(outwards.astype(np.float64))
    columns, rows = np.moveaxis(ends - (frame.column, frame.row), -1, 0)
    y, x = np.indices(deep.shape, dtype=np.float32)
    source = (y + rows, x + columns)
    phantom.hounsfield[:] = ndimage.map_coordinates(phantom.hounsfield, source, order=1, mode="nearest")


def _share(inside: NDArray[np.floating], phantom: Phantom) -> Field:
    """Share of each pixel that is inside, by the mm that it lies inside an edge."""
    return np.asarray(np.clip(inside / np.float32(phantom.frame.spacing) + 0.5, 0.0, 1.0), dtype=np.float32)
