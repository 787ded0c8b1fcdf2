"""The folds of the brain's surface and the clefts between its parts, drawn in layers of tissue."""

import numpy as np

from training.phantoms.canvas import Frame, Points, Shares
from training.phantoms.skull import Skull


class Layers:
    """One canvas for each kind of tissue; a pixel is the share (0..1) of it that is of this kind."""

    def __init__(self, frame: Frame, rng: np.random.Generator) -> None:
        self.grey = Shares(frame, rng)
        self.fluid = Shares(frame, rng)
        self.ventricles = Shares(frame, rng)
        self.membranes = Shares(frame, rng)
        self.calcifications = Shares(frame, rng)
        self.bone = Shares(frame, rng)
        self.air = Shares(frame, rng)


def draw_sulci(
    layers: Layers, skull: Skull, rng: np.random.Generator, width: float, *, longest: float, front: bool
) -> None:
    """Folds from the surface inwards, each lined by cortex.

    `width` of their fluid and `longest` in mm; `front` leaves out the back, where the cerebellum is.
    """
    angles = np.arange(0.0, 2.0 * np.pi, rng.uniform(0.14, 0.22)) + rng.normal(0.0, 0.05)
    if front:
        angles = angles[np.sin(angles) < -0.1]
    angles += rng.normal(0.0, 0.04, len(angles))
    for angle, surface in zip(angles, skull.inner(angles.astype(np.float32)), strict=True):
        inwards = -np.array([np.cos(angle), np.sin(angle)])
        across = np.array([-inwards[1], inwards[0]])
        reach = rng.uniform(7.0, longest) * skull.half / 64.0
        start = surface * rng.uniform(0.88, 1.0)
        sway = np.cumsum(rng.normal(0.0, 2.2, 6)) + rng.normal(0.0, 6.0) * _STEPS**1.5
        fold = -inwards * start + np.outer(reach * _STEPS, inwards) + np.outer(sway * _STEPS**0.5, across)
        _draw_fold(layers, fold, width * rng.uniform(0.4, 1.7))
        if rng.random() < 0.4:
            turn = across * rng.choice((-1.0, 1.0)) * rng.uniform(4.0, 11.0)
            branch = fold[-2] + np.outer((0.0, 0.5, 1.0), turn) + np.outer((0.0, 0.0, 3.0), inwards)
            _draw_fold(layers, branch, width * rng.uniform(0.5, 1.2))


def _draw_fold(layers: Layers, path: Points, width: float) -> None:
    """A sulcus that narrows inwards; a slanting one fills each pixel only in part."""
    seen = min(1.0, layers.fluid.rng.uniform(0.35, 1.2))
    layers.grey.line(path[::2], width + 5.0, 1.0, jitter=0.0)
    half = len(path) // 2
    layers.fluid.line(path[: half + 1], width + 0.4, seen, jitter=0.0)
    layers.fluid.line(path[half:], width * 0.6 + 0.4, seen, jitter=0.0)


def draw_midline(layers: Layers, skull: Skull, rng: np.random.Generator, front: float, back: float) -> None:
    """The fissure and falx, from both ends of the midline to `front` and `back` in mm."""
    ends = skull.inner(np.array([-0.5 * np.pi, 0.5 * np.pi], dtype=np.float32))
    sway, width = rng.normal(0.0, 1.0), rng.uniform(0.8, 3.0)
    for start, end in ((-float(ends[0]), front), (float(ends[1]), back)):
        path = np.array([(0.0, start), (sway, 0.5 * (start + end)), (sway, end)])
        layers.fluid.line(path, width + (1.0 if start < 0 else 0.0), 1.0, jitter=0.0)
        layers.grey.line(path, width + 5.0, 1.0, jitter=0.0)
        layers.membranes.line(path, rng.uniform(0.7, 1.6), 0.9, jitter=0.0)
        for place in rng.uniform(min(start, end), max(start, end), int(rng.integers(2, 7))):
            side = rng.choice((-1.0, 1.0)) * rng.uniform(5.0, 15.0)
            path = np.array(
                [
                    (sway, place),
                    (sway + 0.6 * side, place + rng.normal(0, 2)),
                    (sway + side, place + rng.normal(0, 4)),
                ]
            )
            _draw_fold(layers, path, width * 0.6)
    layers.membranes.area([(-3, ends[1] + 1), (3, ends[1] + 1), (0, ends[1] - 6)], 1.0)  # sagittal sinus
    if rng.random() < 0.1:
        place = (0.4 * sway, rng.uniform(-0.9 * ends[0], -0.6 * ends[0]))
        layers.calcifications.blob(place, (rng.uniform(0.7, 1.8), rng.uniform(2.0, 6.0)), 1.0)


def draw_insula(layers: Layers, skull: Skull, rng: np.random.Generator, size: float) -> None:
    """The lateral fissure of both sides: inwards from the surface, then along the insula."""
    width = rng.uniform(0.8, 2.2) * (0.5 + size)
    for side in (-1.0, 1.0):
        start = 0.95 * skull.half
        stem = np.array([(start, rng.uniform(-14, -2)), (48, -8), (39, -9)]) * (side, 1.0)
        island = np.array([(39, rng.uniform(-28, -20)), (36, -10), (38, 2), (42, rng.uniform(8, 18))]) * (
            side,
            1.0,
        )
        for path in (stem, island):
            layers.grey.line(path, width + 6.0, 1.0)
            layers.fluid.line(path, width * rng.uniform(0.5, 1.2), 1.0)


def draw_folia(layers: Layers, rng: np.random.Generator, middle: float, half: float) -> None:
    """Fine dark lines of the cerebellum, `middle` mm behind the centre, `half` mm to either side."""
    for offset in np.arange(-12.0, 16.0, rng.uniform(4.0, 7.0)):
        y, reach = middle + offset, half * rng.uniform(0.3, 0.9)
        layers.fluid.lines([(3, y + 2), (0.6 * reach, y), (reach, y - 4)], 0.8, rng.uniform(0.1, 0.5))


_STEPS = np.linspace(0.0, 1.0, 6)
