"""What a section of the brain passes through at each of five levels: folds, ventricles, cisterns, falx."""

from collections.abc import Callable
from enum import StrEnum

import numpy as np

from training.phantoms.canvas import Canvas, Points, symmetric
from training.phantoms.folds import Layers, draw_folia, draw_insula, draw_midline, draw_sulci
from training.phantoms.skull import Skull


class BrainLevel(StrEnum):
    """Where the section lies, from below."""

    POSTERIOR_FOSSA = "posterior fossa"
    CISTERNS = "basal cisterns"
    VENTRICLES = "ventricles"
    BODIES = "bodies of the lateral ventricles"
    CONVEXITY = "convexity"


def draw_brain(
    layers: Layers, skull: Skull, level: BrainLevel, rng: np.random.Generator, least: tuple[float, float]
) -> None:
    """Draw all layers of a section; age widens ventricles and sulci together, `least` is the narrowest."""
    age = rng.beta(1.6, 2.2)
    size = max(least[0], float(0.5 + 1.1 * age + rng.normal(0.0, 0.15)))
    _DRAWINGS[level](layers, skull, rng, size)
    longest = 30.0 if level is BrainLevel.CONVEXITY else 22.0
    front = level is BrainLevel.POSTERIOR_FOSSA
    draw_sulci(layers, skull, rng, max(least[1], 0.4 + 2.4 * age), longest=longest, front=front)


def _draw_ventricles_level(layers: Layers, skull: Skull, rng: np.random.Generator, size: float) -> None:
    """Frontal horns, third ventricle, atria; caudate, lentiform nucleus and thalamus; insula."""
    layers.grey.both([(17, -17), (25, -18), (31, -6), (27, 6), (22, 8), (17, -3)], 1.0, jitter=1.5)
    layers.grey.pair((12.5 + 3 * size, -24), (4, 8), 1.0, turn=20)
    layers.grey.pair((11, 8), (8, 12), 1.0, turn=-15)
    draw_insula(layers, skull, rng, size)
    draw_midline(layers, skull, rng, rng.uniform(-48, -40), rng.uniform(34, 50))
    horn = np.array([(3, -16), (4, -24), (12, -37), (18, -38), (14, -28), (8, -17)])
    _draw_scaled(layers.ventricles, horn, (7.0, -22.0), size, rng)
    if rng.random() < 0.8:
        layers.ventricles.blob((0, rng.uniform(0, 8)), (1.3 + 1.8 * size * rng.uniform(0.4, 1.2), 10), 1.0)
    if rng.random() < 0.75:
        atrium = np.array([(18, 18), (25, 21), (31, 33), (28, 47), (24, 40), (18, 27)])
        _draw_scaled(layers.ventricles, atrium, (24.0, 28.0), size, rng)
        if rng.random() < 0.6:
            _draw_plexus(layers, rng, (25.0, rng.uniform(26, 32)))
    elif rng.random() < 0.7:
        layers.grey.blob((0, 44), (17, 13), 1.0)
        layers.fluid.line([(-17, 24), (-6, 27), (0, 30), (6, 27), (17, 24)], rng.uniform(1.5, 5.0), 1.0)
        draw_folia(layers, rng, 44.0, 15.0)
    if rng.random() < 0.6:
        layers.calcifications.blob((rng.normal(0, 1), rng.uniform(19, 24)), (rng.uniform(0.8, 3.0),) * 2, 1.0)
    if rng.random() < 0.06:
        layers.calcifications.pair((22, -4), (rng.uniform(1.5, 4), rng.uniform(1.5, 4)), 0.5)


def _draw_bodies_level(layers: Layers, skull: Skull, rng: np.random.Generator, size: float) -> None:
    """Both bodies of the lateral ventricles beside the midline, the caudate along them."""
    draw_midline(layers, skull, rng, rng.uniform(-42, -32), rng.uniform(28, 40))
    layers.grey.pair((15 + 4 * size, -10), (3, 15), 1.0, turn=-8)
    body = np.array([(3, -26), (9, -33), (13, -24), (15, -5), (20, 14), (24, 28), (18, 26), (11, 8), (5, -8)])
    _draw_scaled(layers.ventricles, body, (9.0, -2.0), size, rng)
    if rng.random() < 0.35:
        _draw_plexus(layers, rng, (20.0, 22.0))
    if rng.random() < 0.5:
        draw_insula(layers, skull, rng, 0.6 * size)


def _draw_convexity_level(layers: Layers, skull: Skull, rng: np.random.Generator, size: float) -> None:
    """White matter between the folds of both sides, falx from end to end."""
    draw_midline(layers, skull, rng, 0.0, -size)


def _draw_cisterns_level(layers: Layers, skull: Skull, rng: np.random.Generator, size: float) -> None:
    """The star of cisterns in front of the midbrain, and those around and behind it."""
    wide = rng.uniform(0.7, 1.0) + 0.3 * size
    draw_midline(layers, skull, rng, rng.uniform(-34, -26), rng.uniform(48, 60))
    star = symmetric([(0, -27), (3, -19), (15, -21), (8, -12), (12, -2), (5, -4), (0, -6)])
    layers.fluid.area((star - (0, -12)) * wide + (0, -12), 1.0)
    layers.fluid.lines(
        [(13, -20), (27, -23), (42, -18), (0.93 * skull.half, -14)], rng.uniform(1.5, 3.5) * wide, 1.0
    )
    layers.grey.lines([(13, -20), (27, -23), (42, -18), (0.93 * skull.half, -14)], 9.0, 1.0)
    layers.fluid.lines([(10, -2), (16, 5), (15, 15), (8, 22)], rng.uniform(1.5, 3.5) * wide, 1.0)
    layers.fluid.line([(-10, 22), (-4, 21), (0, 23), (4, 21), (10, 22)], rng.uniform(2, 4) * wide, 1.0)
    layers.grey.blob((0, 16), (9, 4), 0.6)
    layers.ventricles.blob((0, 14), (1.2, 1.4), 1.0)
    layers.ventricles.pair((29, 3), (rng.uniform(0.6, 2.0) * size, rng.uniform(4, 9)), 1.0, turn=-15)
    layers.grey.pair((22, 4), (4, 10), 0.8)
    layers.membranes.lines([(15, 20), (28, 38), (42, 56)], rng.uniform(0.6, 1.4), 0.6)
    layers.grey.blob((0, 44), (22, 16), 0.8)
    draw_folia(layers, rng, 44.0, 24.0)
    if rng.random() < 0.5:
        _draw_sphenoid_ridges(layers, skull, rng, rng.uniform(0.1, 0.4))
    if rng.random() < 0.4:
        layers.calcifications.pair(
            (rng.uniform(5, 9), -8), (1.0, 1.5), rng.uniform(0.3, 1.0)
        )  # carotid walls


def _draw_posterior_fossa_level(layers: Layers, skull: Skull, rng: np.random.Generator, size: float) -> None:
    """Cerebellum and pons behind the petrous ridges, temporal and frontal lobes before them."""
    half = skull.half
    draw_midline(layers, skull, rng, rng.uniform(-34, -28), 62.0)
    layers.fluid.blob((0, -8), (rng.uniform(9, 13), rng.uniform(6, 10)), 1.0)
    layers.fluid.area(symmetric([(0, -6), (14, -2), (20, 10), (15, 5), (0, 1)]), 1.0)
    layers.grey.pair((26, 38), (20, 20), 0.9)
    layers.ventricles.area(symmetric([(0, 21), (4, 22), (6.5 + size, 28), (3, 27), (0, 29)]), 1.0, jitter=0.5)
    layers.ventricles.blob((0, 24.5), (3.0 + size, 2.0 + size), 1.0)
    draw_folia(layers, rng, 42.0, 42.0)
    layers.grey.pair((44, -8), (12, 14), 0.7)
    ridge = rng.uniform(3.0, 8.0)
    for side in (-1.0, 1.0):
        seen = rng.uniform(0.2, 1.0)
        tip = (1.0 - seen) * half + seen * 20.0
        wedge = [
            (half + 4, 12),
            (0.6 * half + 0.4 * tip, 16 - ridge),
            (tip, 6),
            (0.5 * half + 0.5 * tip, 18),
            (half + 3, 34),
        ]
        layers.bone.area(np.array(wedge) * (side, 1.0), 1.0)
        place = (side * (half - 1), rng.uniform(20, 28))
        layers.air.cells(place, (6 * seen + 2, 6), int(rng.integers(0, 26)), 1.8, 1.0)
    _draw_sphenoid_ridges(layers, skull, rng, rng.uniform(0.4, 0.9))
    if rng.random() < 0.7:
        layers.bone.area(symmetric([(0, -13), (8, -14), (10, -10), (4, -8), (0, -9)]), 1.0, jitter=0.6)
    if rng.random() < 0.5:
        for side in (-1.0, 1.0):
            place = (side * rng.uniform(30, 40), rng.uniform(-62, -52))
            layers.bone.cells(place, (12, 9), int(rng.integers(2, 16)), 5.0, 1.0)
    if rng.random() < 0.4:
        layers.calcifications.pair((6, 0), (0.8, 0.8), 0.7)


def _draw_sphenoid_ridges(layers: Layers, skull: Skull, rng: np.random.Generator, seen: float) -> None:
    """The lesser wings, from the side wall inwards; `seen` is the part of their length in the section."""
    half = skull.half
    for side in (-1.0, 1.0):
        tip = half - rng.uniform(0.6, 1.2) * seen * (half - 16.0)
        wedge = [
            (half + 3, -22),
            (0.5 * (half + tip), -22),
            (tip, -17),
            (0.5 * (half + tip), -28),
            (half, -36),
        ]
        layers.bone.area(np.array(wedge) * (side, 1.0), 1.0, jitter=0.8)


def _draw_plexus(layers: Layers, rng: np.random.Generator, place: tuple[float, float]) -> None:
    """Calcified choroid plexus, mostly on both sides and unequal."""
    for side in (-1.0, 1.0):
        if rng.random() < 0.85:
            centre = (side * place[0] + rng.normal(0, 1.5), place[1] + rng.normal(0, 2))
            layers.calcifications.blob(
                centre, (rng.uniform(1, 3.2), rng.uniform(1.2, 4)), rng.uniform(0.5, 1.3)
            )


def _draw_scaled(
    canvas: Canvas, shape: Points, about: tuple[float, float], size: float, rng: np.random.Generator
) -> None:
    """Fill a shape and its mirror image, each enlarged about a point to its own size."""
    for side in (-1.0, 1.0):
        own = np.array([size, size**0.4]) * rng.normal(1.0, 0.1)
        canvas.area(((shape - about) * own + about) * (side, 1.0), 1.0, jitter=0.7)


_DRAWINGS: dict[BrainLevel, Callable[[Layers, Skull, np.random.Generator, float], None]] = {
    BrainLevel.POSTERIOR_FOSSA: _draw_posterior_fossa_level,
    BrainLevel.CISTERNS: _draw_cisterns_level,
    BrainLevel.VENTRICLES: _draw_ventricles_level,
    BrainLevel.BODIES: _draw_bodies_level,
    BrainLevel.CONVEXITY: _draw_convexity_level,
}
