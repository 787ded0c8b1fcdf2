"""Sections through the neck: vertebra, airway, muscles, sometimes the lower jaw; no blood."""

import numpy as np

from training.phantoms.acquisition import add_metal_streaks
from training.phantoms.canvas import Canvas, Field, Frame, symmetric
from training.phantoms.soft_tissue import (
    draw_arch,
    draw_muscle_bed,
    draw_nape,
    draw_skin,
    draw_vertebra,
    texture,
)
from training.phantoms.tissue import (
    AIR,
    BONE,
    MUSCLE,
    SKIN,
    SPONGY_BONE,
)


def draw_neck(frame: Frame, rng: np.random.Generator) -> Field:
    """Vertebra, airway and muscles; the lower jaw in front of them in half of the slices."""
    canvas = Canvas(frame, rng)
    front, half = rng.uniform(-80, -60), rng.uniform(58, 74)
    outline = symmetric(
        [(0, front), (35, front + 8), (half - 8, -30), (half, 10), (half - 12, 50), (35, 70), (0, 74)]
    )
    draw_skin(canvas, outline)
    draw_muscle_bed(canvas, half - rng.uniform(14, 24), front + 26.0)
    jaw = bool(rng.random() < 0.5)
    fillings: list[tuple[float, float]] = []
    if jaw:
        fillings = _draw_jaw(canvas, front)
    canvas.blob((0, -38), (22, 14), MUSCLE)
    canvas.pair((14, -26), (9, 7), MUSCLE)
    canvas.blob((0, rng.uniform(-26, -18)), (rng.uniform(5, 12), rng.uniform(3, 9)), AIR)
    canvas.pair((36, -16), (7, 12), MUSCLE, turn=25)
    canvas.pair((rng.uniform(24, 30), -6), (4.5, 4.5), SKIN + 5)
    canvas.pair((rng.uniform(32, 38), 0), (5, 6), SKIN + 5)
    canvas.pair((half - 18, 8), (7, 15), MUSCLE, turn=-15)
    draw_nape(canvas)
    draw_vertebra(canvas, 8.0)
    if rng.random() < 0.4:
        canvas.line([(-15, -38), (-8, -45), (8, -45), (15, -38)], 3.0, SPONGY_BONE)
    hounsfield = canvas.read()
    for filling in fillings:
        add_metal_streaks(hounsfield, frame, rng, filling)
    return texture(hounsfield, rng)


def _draw_jaw(canvas: Canvas, front: float) -> list[tuple[float, float]]:
    """The lower jaw as a horseshoe, with or without teeth; returns the fillings' places in mm."""
    rng = canvas.rng
    top = front + rng.uniform(6, 10)
    shoe = [(50, -12), (44, -30), (30, top + 12), (14, top + 2), (0, top)]
    canvas.line(symmetric(shoe)[: 2 * len(shoe) - 1], rng.uniform(6, 10), BONE)
    canvas.line(symmetric(shoe)[: 2 * len(shoe) - 1], rng.uniform(2, 4), SPONGY_BONE)
    canvas.blob((0, top + 26), (20, 14), MUSCLE)
    return draw_arch(canvas, top) if rng.random() < 0.4 else []
