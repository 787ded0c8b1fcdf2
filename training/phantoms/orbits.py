"""Sections through the orbits, with temporal lobes and cerebellum behind them; no blood."""

import numpy as np

from training.phantoms.acquisition import add_streaks
from training.phantoms.canvas import Canvas, Field, Frame, Points, symmetric
from training.phantoms.skull_base import BRAIN, HEAD, draw_ears, draw_hindbrain, draw_mastoids, draw_nose
from training.phantoms.soft_tissue import draw_nape, draw_skin, texture
from training.phantoms.tissue import (
    AIR,
    BONE,
    CEREBROSPINAL_FLUID,
    FAT,
    LENS,
    MUSCLE,
    SKIN,
    VITREOUS,
)


def draw_orbits(frame: Frame, rng: np.random.Generator) -> Field:
    """Eyes in black fat, ethmoid cells between them, temporal lobes and cerebellum behind petrous ridges."""
    canvas = Canvas(frame, rng)
    draw_skin(canvas, HEAD)
    canvas.pair((64, -36), (6.5, 20), MUSCLE, turn=-8)
    if rng.random() < 0.4:
        draw_nape(canvas)
    canvas.area(
        symmetric(
            [
                (0, -60),
                (14, -50),
                (40, -42),
                (54, -54),
                (64, -36),
                (72, 0),
                (70, 34),
                (50, 66),
                (22, 80),
                (0, 82),
            ]
        ),
        BONE,
        jitter=1.5,
    )
    _draw_fossae(canvas)
    draw_nose(canvas, back=-42.0)
    canvas.blob((0, -34), (rng.uniform(8, 14), rng.uniform(6, 13)), AIR)
    canvas.line([(rng.normal(0, 2), -46), (rng.normal(0, 3), -22)], 1.2, BONE)
    draw_mastoids(canvas)
    draw_ears(canvas)
    for mirror in (np.array([1.0, 1.0]), np.array([-1.0, 1.0])):
        _draw_orbit(canvas, mirror)
    hounsfield = canvas.read()
    add_streaks(hounsfield, frame, rng, rng.uniform(1.0, 10.0))
    return texture(hounsfield, rng)


def _draw_fossae(canvas: Canvas) -> None:
    """Temporal lobes beside the sphenoid, hindbrain behind the petrous ridges."""
    rng = canvas.rng
    lobe, ridge = rng.uniform(0.65, 1.2), rng.uniform(0.0, 8.0)
    temporal = np.array([(22, -26), (34, -36), (50, -34), (60, -16), (60, 2), (42, 4), (26, -6)])
    middle = temporal.mean(axis=0)
    for mirror in ((1.0, 1.0), (-1.0, 1.0)):
        own = middle + (temporal - middle) * min(lobe * rng.uniform(0.8, 1.2), 1.22)
        canvas.area(own * mirror, BRAIN, jitter=1.2)
        if lobe > 0.8:
            canvas.line((own[:3] * 0.9 + middle * 0.1) * mirror, 1.5, CEREBROSPINAL_FLUID)
    canvas.area(
        symmetric(
            [
                (0, 2),
                (14, 6 + ridge * 0.3),
                (40, 16 + ridge),
                (60, 26 + ridge),
                (58, 42),
                (42, 62),
                (14, 72),
                (0, 68),
            ]
        ),
        BRAIN,
    )
    draw_hindbrain(canvas, y=18.0, fossa=50.0)


def _draw_orbit(canvas: Canvas, mirror: Points) -> None:
    """One orbit: a cone of fat with the globe in its mouth, optic nerve and two muscles, bone outside."""
    rng = canvas.rng
    canvas.area(np.array([(15, -84), (34, -86), (50, -70), (44, -56), (28, -42), (15, -38)]) * mirror, FAT)
    canvas.line(np.array([(47, -72), (52, -62), (48, -48), (38, -40)]) * mirror, rng.uniform(3.5, 7.0), BONE)
    canvas.lines([(14, -82), (14, -38)], 1.2, BONE)
    globe = np.array([rng.uniform(30, 34), rng.uniform(-82, -74)])
    size = 12.3 * np.sqrt(rng.uniform(0.25, 1.0))
    canvas.line(np.array([globe, (24, -58), (17, -42)]) * mirror, 3.5, MUSCLE - 15.0)
    canvas.line(np.array([(18, -74), (17, -58), (16, -44)]) * mirror, 2.5, MUSCLE - 5.0)
    canvas.line(np.array([(43, -72), (36, -56), (20, -42)]) * mirror, 2.5, MUSCLE - 5.0)
    canvas.blob(globe * mirror, (size, size), SKIN + 25.0)
    canvas.blob(globe * mirror, (size - 1.6, size - 1.6), VITREOUS)
    canvas.line((globe + np.array([(-12, -11), (0, -15), (12, -10)])) * mirror, rng.uniform(2.0, 4.0), SKIN)
    if size > 10.0:
        canvas.blob((globe - (0, 8)) * mirror, (4.2, 1.8), LENS)
