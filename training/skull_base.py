"""Sections through the base of the skull: petrous bones, air cells, orbits, posterior fossa; no blood."""

import numpy as np

from training.acquisition import add_streaks
from training.canvas import Canvas, Field, Frame, Points, symmetric
from training.face import draw_nape, draw_skin, texture
from training.tissue import (
    AIR,
    BONE,
    CARTILAGE,
    CEREBROSPINAL_FLUID,
    FAT,
    GREY_MATTER,
    LENS,
    MUSCLE,
    SKIN,
    SPONGY_BONE,
    VITREOUS,
    WHITE_MATTER,
)

_BRAIN = 0.5 * (GREY_MATTER + WHITE_MATTER)


def draw_skull_base(frame: Frame, rng: np.random.Generator) -> Field:
    """The petrous bones as one mass with the sphenoid, and the foramen magnum or lowest posterior fossa."""
    canvas = Canvas(frame, rng)
    draw_skin(canvas, _HEAD)
    canvas.pair((62, -34), (7, 20), MUSCLE, turn=-8)
    canvas.pair((36, -32), (9, 10), MUSCLE)
    if rng.random() < 0.7:
        draw_nape(canvas)
    canvas.lines([(48, -68), (60, -52), (66, -32), (66, -16)], rng.uniform(2.5, 5.0), BONE)
    _draw_nose(canvas, back=-34.0)
    fossa, height = rng.uniform(24, 50), rng.uniform(20, 30)
    middle = 40.0
    back = [(fossa + 8, middle + 12), (fossa * 0.6, middle + height + 7), (0, middle + height + 10)]
    canvas.area(symmetric([*_PETROUS, *back]), BONE, jitter=2.5)
    canvas.cells((0, -8), (60, 22), int(rng.integers(10, 40)), 3.0, rng.uniform(30.0, SPONGY_BONE))
    canvas.pair((44, rng.uniform(-26, -18)), (rng.uniform(2, 17), rng.uniform(3, 14)), _BRAIN)
    canvas.area(
        symmetric(
            [
                (0, middle - 20),
                (fossa * 0.5, middle - 18),
                (fossa, middle - 2),
                (fossa * 0.7, middle + height * 0.8),
                (0, middle + height),
            ]
        ),
        _BRAIN,
        jitter=1.5,
    )
    _draw_hindbrain(canvas, y=middle - 10.0, fossa=fossa)
    _draw_mastoids(canvas)
    canvas.lines([(54, 0), (70, rng.uniform(-3, 4)), (84, 0)], rng.uniform(3, 6), AIR)
    _draw_ears(canvas)
    if rng.random() < 0.6:
        canvas.blob((0, -28), (rng.uniform(4, 13), rng.uniform(4, 9)), AIR)
    hounsfield = canvas.read()
    add_streaks(hounsfield, frame, rng, rng.uniform(3.0, 14.0))
    return texture(hounsfield, rng)


def draw_orbits(frame: Frame, rng: np.random.Generator) -> Field:
    """Eyes in black fat, ethmoid cells between them, temporal lobes and cerebellum behind petrous ridges."""
    canvas = Canvas(frame, rng)
    draw_skin(canvas, _HEAD)
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
    _draw_nose(canvas, back=-42.0)
    canvas.blob((0, -34), (rng.uniform(8, 14), rng.uniform(6, 13)), AIR)
    canvas.line([(rng.normal(0, 2), -46), (rng.normal(0, 3), -22)], 1.2, BONE)
    _draw_mastoids(canvas)
    _draw_ears(canvas)
    for mirror in (np.array([1.0, 1.0]), np.array([-1.0, 1.0])):
        _draw_orbit(canvas, mirror)
    hounsfield = canvas.read()
    add_streaks(hounsfield, frame, rng, rng.uniform(1.0, 10.0))
    return texture(hounsfield, rng)


_HEAD = symmetric(
    [
        (0, -102),
        (10, -97),
        (24, -88),
        (46, -82),
        (62, -66),
        (72, -34),
        (79, 4),
        (76, 40),
        (54, 76),
        (24, 92),
        (0, 94),
    ]
)
_PETROUS = [(0, -36), (18, -38), (38, -30), (62, -26), (66, -4), (72, 8), (70, 26)]


def _draw_fossae(canvas: Canvas) -> None:
    """Temporal lobes beside the sphenoid, hindbrain behind the petrous ridges."""
    rng = canvas.rng
    lobe, ridge = rng.uniform(0.5, 1.05), rng.uniform(0.0, 8.0)
    temporal = np.array([(22, -26), (34, -36), (50, -34), (60, -16), (60, 2), (42, 4), (26, -6)])
    middle = temporal.mean(axis=0)
    for mirror in ((1.0, 1.0), (-1.0, 1.0)):
        own = middle + (temporal - middle) * min(lobe * rng.uniform(0.85, 1.15), 1.05)
        canvas.area(own * mirror, _BRAIN, jitter=1.2)
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
        _BRAIN,
    )
    _draw_hindbrain(canvas, y=18.0, fossa=50.0)


def _draw_hindbrain(canvas: Canvas, y: float, fossa: float) -> None:
    """Brainstem at `y` mm, cisterns around it, fourth ventricle, folia of the cerebellum."""
    rng = canvas.rng
    canvas.blob((0, y - 2), (rng.uniform(16, 22), rng.uniform(12, 15)), CEREBROSPINAL_FLUID + 4.0)
    canvas.blob((0, y), (rng.uniform(12, 17), rng.uniform(10, 12)), WHITE_MATTER)
    if fossa > 34.0:
        canvas.blob((0, y + 15), (rng.uniform(4, 9), rng.uniform(2, 5)), CEREBROSPINAL_FLUID)
        for across in rng.uniform(12.0, fossa - 6.0, 5):
            top = y + rng.uniform(8, 26)
            canvas.lines([(across, top), (across * 0.8 + 2, top + 9)], 1.0, _BRAIN - 9.0)
        canvas.line([(0, y + 24), (rng.normal(0, 1), y + 44)], 1.5, CEREBROSPINAL_FLUID + 10.0)
        canvas.pair((fossa * 0.55, y + 20), (fossa * 0.28, 9), WHITE_MATTER + 1.0)


def _draw_nose(canvas: Canvas, back: float) -> None:
    """Nasal bones and the ethmoid: air from the bridge to `back` mm, divided by thin plates of bone."""
    rng = canvas.rng
    half = rng.uniform(11, 15)
    canvas.area(symmetric([(0, -100), (6, -94), (half + 1.5, -78), (half + 1.5, back)]), BONE)
    canvas.area(symmetric([(0, -92), (3, -90), (half - 1, -76), (half - 1, back + 1)]), AIR)
    canvas.line([(0, -92), (rng.normal(0, 2), -66), (0, back)], rng.uniform(1.0, 2.2), SPONGY_BONE)
    for depth in np.arange(-84.0, back, rng.uniform(7.0, 14.0)):
        canvas.lines([(1, depth), (half, depth + rng.normal(0, 3))], rng.uniform(0.8, 1.6), SPONGY_BONE)
    canvas.lines([(half * 0.5, -84), (half * 0.5, back + 4)], rng.uniform(0.8, 1.8), SPONGY_BONE)
    canvas.cells((0, -66), (half, 20), int(rng.integers(0, 14)), 2.5, MUSCLE)


def _draw_mastoids(canvas: Canvas) -> None:
    """Air cells behind both ears, more on one side."""
    rng = canvas.rng
    for side in (-1.0, 1.0):
        place = (side * rng.uniform(55, 60), rng.uniform(16, 28))
        canvas.cells(place, (rng.uniform(4, 9), rng.uniform(5, 11)), int(rng.integers(6, 40)), 2.2, AIR)
        canvas.cells((side * 36, 6), (8, 4), int(rng.integers(0, 6)), 1.5, AIR)


def _draw_ears(canvas: Canvas) -> None:
    """The auricles, folded cartilage beside the head."""
    rng = canvas.rng
    for side in (-1.0, 1.0):
        if rng.random() < 0.8:
            out = rng.uniform(80, 86)
            canvas.line(
                np.array([(76, 4), (out, 8), (out + 5, 16), (out + 1, 24), (out + 3, 30)]) * (side, 1.0),
                rng.uniform(1.5, 3.0),
                CARTILAGE,
            )


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
