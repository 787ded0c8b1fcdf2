"""Sections through the face: sinuses, nose, teeth and jaw, the first vertebra behind them; no blood."""

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
    SPONGY_BONE,
)


def draw_face(frame: Frame, rng: np.random.Generator) -> Field:
    """Maxillary sinuses and nose, or a little lower teeth and tongue; jaw and first vertebra behind."""
    canvas = Canvas(frame, rng)
    outline = symmetric(
        [
            (0, -103),
            (11, -96),
            (30, -88),
            (52, -78),
            (66, -55),
            (76, -20),
            (82, 10),
            (76, 45),
            (50, 80),
            (0, 92),
        ]
    )
    draw_skin(canvas, outline)
    draw_muscle_bed(canvas, rng.uniform(40, 56), -30.0)
    teeth = bool(rng.random() < 0.4)
    _draw_chewing_muscles(canvas)
    if teeth:
        fillings = _draw_teeth(canvas)
    else:
        fillings = []
        _draw_maxillary_sinuses(canvas)
    canvas.pair((rng.uniform(46, 52), -8), (4.5, rng.uniform(9, 18)), BONE, turn=-20)
    canvas.pair((rng.uniform(46, 52), -8), (1.8, 7), SPONGY_BONE, turn=-20)
    draw_nape(canvas)
    draw_vertebra(canvas, 22.0)
    canvas.pair((58, 18), (rng.uniform(4, 9), rng.uniform(5, 11)), BONE)
    canvas.cells((58, 18), (5, 6), int(rng.integers(0, 14)), 1.6, AIR)
    canvas.cells((-58, 18), (5, 6), int(rng.integers(0, 14)), 1.6, AIR)
    hounsfield = canvas.read()
    for filling in fillings:
        add_metal_streaks(hounsfield, frame, rng, filling)
    return texture(hounsfield, rng)


def _draw_chewing_muscles(canvas: Canvas) -> None:
    rng = canvas.rng
    canvas.pair((58, -26), (rng.uniform(5, 8), rng.uniform(14, 20)), MUSCLE, turn=-12)
    canvas.pair((36, -14), (rng.uniform(7, 10), rng.uniform(10, 15)), MUSCLE, turn=-35)
    canvas.pair((24, -4), (6, 8), MUSCLE)
    canvas.blob((0, -6), (18, 8), MUSCLE)
    canvas.pair((62, 4), (rng.uniform(8, 13), rng.uniform(9, 15)), rng.uniform(-60.0, 45.0))
    canvas.pair((33, 8), (4, 4), MUSCLE)
    canvas.pair((40, 2), (1.8, 1.8), BONE)


def _draw_maxillary_sinuses(canvas: Canvas) -> None:
    """Air between thin plates of bone: both sinuses, the nose with its conchae, cheekbones, pharynx."""
    rng = canvas.rng
    size, wall = rng.uniform(0.75, 1.1), rng.uniform(1.5, 3.0)
    sinus = np.array([(14, -74), (30, -72), (46, -62), (38, -50), (26, -40), (15, -44)])
    middle = sinus.mean(axis=0)
    for mirror in ((1.0, 1.0), (-1.0, 1.0)):
        own = middle + (sinus - middle) * size * rng.uniform(0.9, 1.1) + rng.normal(0.0, 1.5, sinus.shape)
        hollow = middle + (own - middle) * (1.0 - wall / 14.0)
        canvas.area(own * mirror, BONE, jitter=0.0)
        canvas.area(hollow * mirror, AIR, jitter=0.0)
        if rng.random() < 0.2:
            canvas.area((hollow * (1.0, 0.4) + (0.0, -26.0)) * mirror, rng.uniform(10.0, 40.0), jitter=0.0)
    canvas.lines([(44, -66), (56, -56), (63, -36), (62, -22)], rng.uniform(2.5, 4.5), BONE)
    canvas.area(symmetric([(0, -100), (5, -94), (12, -78), (13, -50), (10, -34)]), AIR)
    canvas.lines([(3, -100), (9, -92), (14, -78), (13.5, -44)], rng.uniform(1.2, 2.8), BONE)
    canvas.line([(0, -96), (rng.normal(0, 3), -70), (0, -38)], rng.uniform(1.2, 2.5), SPONGY_BONE)
    for back in (-78.0, -62.0):
        canvas.lines(
            [(6, back), (rng.uniform(5, 9), back + 12)], rng.uniform(1.5, 4.0), rng.uniform(40.0, 250.0)
        )
    canvas.lines([(14, -40), (19, -26)], 2.0, BONE)
    canvas.blob((0, -24), (rng.uniform(8, 14), rng.uniform(4, 9)), AIR)


def _draw_teeth(canvas: Canvas) -> list[tuple[float, float]]:
    """Both arms of the dental arch, tongue or palate; returns the fillings' places in mm."""
    rng = canvas.rng
    canvas.blob((0, -50), (24, 28), MUSCLE)
    fillings = draw_arch(canvas, -88.0)
    if rng.random() < 0.5:
        canvas.blob((0, -46), (18, 6), AIR)
    canvas.blob((0, -18), (rng.uniform(7, 14), rng.uniform(4, 8)), AIR)
    return fillings
