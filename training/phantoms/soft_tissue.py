"""Parts that several sections below the brain share: skin, muscles of the nape, vertebra, teeth."""

import numpy as np

from training.phantoms.canvas import Canvas, Field, Points, smooth_noise, symmetric
from training.phantoms.tissue import (
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


def draw_skin(canvas: Canvas, outline: Points) -> None:
    """Skin of 1.5 to 3 mm around fat."""
    moved = outline + canvas.rng.normal(0.0, 1.5, outline.shape)
    canvas.area(moved, SKIN, jitter=0.0)
    thick = canvas.rng.uniform(1.5, 3.0)
    canvas.area(moved * (1.0 - thick / np.abs(outline).max(axis=0)), FAT, jitter=0.0)


def draw_muscle_bed(canvas: Canvas, half: float, front: float) -> None:
    """The deep soft tissue around the spine, `half` mm to either side, that sheets of fat divide."""
    rng = canvas.rng
    bed = symmetric([(0, front), (half * 0.7, front), (half, 0), (half * 0.9, 30), (half * 0.5, 48), (0, 52)])
    canvas.area(bed, MUSCLE - 6.0, jitter=3.0)
    for _ in range(int(rng.integers(10, 18))):
        start = rng.uniform((8.0, front), (half, 45.0))
        bend = start + rng.normal(0.0, 9.0, 2)
        canvas.lines(
            np.stack((start, bend, bend + rng.normal(0.0, 9.0, 2))), rng.uniform(1.0, 4.0), FAT, jitter=2.0
        )
    for _ in range(int(rng.integers(2, 6))):
        place = rng.uniform((12.0, front), (half, 20.0))
        canvas.pair(place, (rng.uniform(2.0, 7.0), rng.uniform(2.0, 7.0)), FAT)


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
    wide, ring = rng.uniform(20, 36), rng.uniform(13, 18)
    canvas.area(
        symmetric(
            [
                (0, y - 22),
                (13, y - 22),
                (17, y - 12),
                (wide, y - 9),
                (wide - 3, y + 5),
                (17, y + 11),
                (0, y + ring + 5),
            ]
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


def draw_arch(canvas: Canvas, front: float) -> list[tuple[float, float]]:
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
