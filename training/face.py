"""Sections below the brain: the face with its sinuses, teeth and jaw, and the neck; no blood, much bone."""

import numpy as np

from training.acquisition import add_metal_streaks
from training.canvas import Canvas, Field, Frame, Points, smooth_noise, symmetric
from training.tissue import (
    AIR,
    BONE,
    CEREBROSPINAL_FLUID,
    ENAMEL,
    FAT,
    GREY_MATTER,
    METAL,
    MUSCLE,
    SKIN,
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


def draw_neck(frame: Frame, rng: np.random.Generator) -> Field:
    """Vertebra, airway and muscles; the lower jaw in front of them in half of the slices."""
    canvas = Canvas(frame, rng)
    front, half = rng.uniform(-80, -60), rng.uniform(58, 74)
    outline = symmetric(
        [(0, front), (35, front + 8), (half - 8, -30), (half, 10), (half - 12, 50), (35, 70), (0, 74)]
    )
    draw_skin(canvas, outline)
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


def draw_skin(canvas: Canvas, outline: Points) -> None:
    """Skin of 1.5 to 3 mm around fat."""
    moved = outline + canvas.rng.normal(0.0, 1.5, outline.shape)
    canvas.area(moved, SKIN, jitter=0.0)
    thick = canvas.rng.uniform(1.5, 3.0)
    canvas.area(moved * (1.0 - thick / np.abs(outline).max(axis=0)), FAT, jitter=0.0)


def draw_nape(canvas: Canvas) -> None:
    """Muscles behind the spine, in layers that fat divides."""
    for layer in range(4):
        back = 42.0 + 10.0 * layer
        canvas.both(
            [
                (3, back),
                (24, back - 4),
                (46 - 3 * layer, back - 18),
                (50 - 3 * layer, back - 10),
                (24, back + 6),
                (3, back + 8),
            ],
            MUSCLE,
            jitter=2.0,
        )
    canvas.pair((52, 32), (6, 16), MUSCLE, turn=35)


def draw_vertebra(canvas: Canvas, y: float) -> None:
    """A cervical vertebra, or the condyles of the occiput, whose canal's middle is at `y` mm."""
    rng = canvas.rng
    wide, ring = rng.uniform(24, 42), rng.uniform(15, 19)
    canvas.area(
        symmetric(
            [(0, y - 24), (16, y - 24), (wide, y - 8), (wide - 4, y + 8), (18, y + 14), (0, y + ring + 6)]
        ),
        BONE,
        jitter=1.5,
    )
    canvas.blob((0, y - 17), (9, 5), SPONGY_BONE)
    canvas.blob((0, y), (13, 12), FAT if rng.random() < 0.2 else CEREBROSPINAL_FLUID)
    canvas.blob((0, y), (7.5, 6), GREY_MATTER)
    if rng.random() < 0.5:
        canvas.pair((wide - 9, y - 4), (3.0, 3.0), MUSCLE)
    if rng.random() < 0.4:
        canvas.lines([(wide * 0.5, y + 12), (wide * 0.4, y + 24)], 4.0, FAT)


def texture(hounsfield: Field, rng: np.random.Generator) -> Field:
    """Make soft tissue uneven by a few HU, in place."""
    height, width = hounsfield.shape
    soft = (hounsfield > -20.0) & (hounsfield < 90.0)
    uneven = 3.0 * smooth_noise(rng, height, width, 18) + 4.0 * smooth_noise(rng, height, width, 60)
    hounsfield[soft] += uneven[soft]
    return hounsfield


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
    fillings = _draw_arch(canvas, -88.0)
    if rng.random() < 0.5:
        canvas.blob((0, -46), (18, 6), AIR)
    canvas.blob((0, -18), (rng.uniform(7, 14), rng.uniform(4, 8)), AIR)
    return fillings


def _draw_jaw(canvas: Canvas, front: float) -> list[tuple[float, float]]:
    """The lower jaw as a horseshoe, with or without teeth; returns the fillings' places in mm."""
    rng = canvas.rng
    top = front + rng.uniform(6, 10)
    shoe = [(50, -12), (44, -30), (30, top + 12), (14, top + 2), (0, top)]
    canvas.line(symmetric(shoe)[: 2 * len(shoe) - 1], rng.uniform(6, 10), BONE)
    canvas.line(symmetric(shoe)[: 2 * len(shoe) - 1], rng.uniform(2, 4), SPONGY_BONE)
    canvas.blob((0, top + 26), (20, 14), MUSCLE)
    return _draw_arch(canvas, top) if rng.random() < 0.4 else []


def _draw_arch(canvas: Canvas, front: float) -> list[tuple[float, float]]:
    """Teeth in a parabola whose front is at `front` mm, one or two of them filled with metal or none."""
    rng = canvas.rng
    across = np.linspace(-27.0, 27.0, 15)
    places = np.stack((across, front + 3.0 + across**2 / 16.0), axis=1)
    canvas.line(places, rng.uniform(7, 11), SPONGY_BONE + 200.0)
    for place in places[rng.random(len(places)) < 0.85]:
        canvas.blob(place, (rng.uniform(2.2, 3.4), rng.uniform(2.5, 4.0)), ENAMEL)
    filled = places[rng.choice(len(places), int(rng.integers(0, 3)), replace=False)]
    for place in filled:
        canvas.blob(place, (3.0, 3.0), METAL)
    return [(float(x), float(y)) for x, y in filled]
