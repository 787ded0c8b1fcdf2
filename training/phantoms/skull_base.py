"""Sections through the base of the skull: petrous bones, air cells, foramen magnum; no blood."""

import numpy as np

from training.phantoms.acquisition import add_streaks
from training.phantoms.canvas import Canvas, Field, Frame, symmetric
from training.phantoms.soft_tissue import draw_muscle_bed, draw_nape, draw_skin, texture
from training.phantoms.tissue import (
    AIR,
    BONE,
    CARTILAGE,
    CEREBROSPINAL_FLUID,
    FAT,
    GREY_MATTER,
    MUSCLE,
    SKIN,
    SPONGY_BONE,
    WHITE_MATTER,
)

BRAIN = 0.5 * (GREY_MATTER + WHITE_MATTER)


def draw_skull_base(frame: Frame, rng: np.random.Generator) -> Field:
    """The petrous bones as one mass with the sphenoid, and the foramen magnum or lowest posterior fossa."""
    canvas = Canvas(frame, rng)
    draw_skin(canvas, HEAD)
    draw_muscle_bed(canvas, rng.uniform(46, 60), -44.0)
    canvas.pair((32, rng.uniform(-80, -70)), (rng.uniform(3, 11), rng.uniform(3, 11)), SKIN)
    canvas.pair((62, -34), (7, 20), MUSCLE, turn=-8)
    canvas.pair((36, -32), (9, 10), MUSCLE)
    if rng.random() < 0.7:
        draw_nape(canvas)
    canvas.lines([(48, -68), (60, -52), (66, -32), (66, -16)], rng.uniform(2.5, 5.0), BONE)
    draw_nose(canvas, back=-34.0)
    fossa, height = rng.uniform(24, 50), rng.uniform(20, 30)
    middle = 40.0
    back = [(fossa + 8, middle + 12), (fossa * 0.6, middle + height + 7), (0, middle + height + 10)]
    canvas.area(symmetric([*_PETROUS, *back]), BONE, jitter=2.5)
    for density in (MUSCLE, FAT, SPONGY_BONE):
        canvas.cells((0, -8), (62, 24), int(rng.integers(4, 22)), 4.0, density)
    for _ in range(int(rng.integers(2, 7))):
        start = rng.uniform((14.0, -32.0), (60.0, 12.0))
        canvas.lines(
            np.stack((start, start + rng.normal(0.0, 10.0, 2))),
            rng.uniform(1.5, 4.0),
            rng.choice((FAT, MUSCLE)),
        )
    for side in (-1.0, 1.0):  # a head that leans aside shows more of one temporal lobe
        place = (side * rng.uniform(40, 46), rng.uniform(-26, -16))
        canvas.blob(place, (rng.uniform(2, 19), rng.uniform(3, 18)), BRAIN)
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
        BRAIN,
        jitter=1.5,
    )
    draw_hindbrain(canvas, y=middle - 10.0, fossa=fossa)
    draw_mastoids(canvas)
    canvas.lines([(54, 0), (70, rng.uniform(-3, 4)), (84, 0)], rng.uniform(3, 6), AIR)
    draw_ears(canvas)
    if rng.random() < 0.6:
        canvas.blob((0, -28), (rng.uniform(4, 13), rng.uniform(4, 9)), AIR)
    hounsfield = canvas.read()
    add_streaks(hounsfield, frame, rng, rng.uniform(3.0, 14.0))
    return texture(hounsfield, rng)


HEAD = symmetric(
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


def draw_hindbrain(canvas: Canvas, y: float, fossa: float) -> None:
    """Brainstem at `y` mm, cisterns around it, fourth ventricle, folia of the cerebellum."""
    rng = canvas.rng
    canvas.blob((0, y - 2), (rng.uniform(16, 22), rng.uniform(12, 15)), CEREBROSPINAL_FLUID + 4.0)
    canvas.blob((0, y), (rng.uniform(12, 17), rng.uniform(10, 12)), WHITE_MATTER)
    if fossa > 34.0:
        canvas.blob((0, y + 15), (rng.uniform(4, 9), rng.uniform(2, 5)), CEREBROSPINAL_FLUID)
        for across in rng.uniform(12.0, fossa - 6.0, 5):
            top = y + rng.uniform(8, 26)
            canvas.lines([(across, top), (across * 0.8 + 2, top + 9)], 1.0, BRAIN - 9.0)
        canvas.line([(0, y + 24), (rng.normal(0, 1), y + 44)], 1.5, CEREBROSPINAL_FLUID + 10.0)
        canvas.pair((fossa * 0.55, y + 20), (fossa * 0.28, 9), WHITE_MATTER + 1.0)


def draw_nose(canvas: Canvas, back: float) -> None:
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


def draw_mastoids(canvas: Canvas) -> None:
    """Air cells behind both ears, more on one side."""
    rng = canvas.rng
    for side in (-1.0, 1.0):
        place = (side * rng.uniform(55, 60), rng.uniform(16, 28))
        canvas.cells(place, (rng.uniform(4, 9), rng.uniform(5, 11)), int(rng.integers(6, 40)), 2.2, AIR)
        canvas.cells((side * 36, 6), (8, 4), int(rng.integers(0, 6)), 1.5, AIR)


def draw_ears(canvas: Canvas) -> None:
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
