"""A pool of prepared synthetic slices of every level: brains without and with a bleed, and the rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import NotACtSlice
from images.constants import Preprocessing
from images.preprocessing import preprocess
from training.phantoms.bleeds import Bleed
from training.phantoms.levels import Level, generate_level
from training.phantoms.synthetic import SyntheticImage, generate_image

SYNTHETIC_SEEDS = 1_000_000
"""Seeds of training images start here, so that the demo and the tests show others."""
LEAST_POOL = 21
"""Slices that hold some of every kind."""
BELOW = (Level.NECK, Level.FACE, Level.SKULL_BASE)
"""Levels with little or no brain in them."""
BETWEEN = (Level.ORBITS, Level.VERTEX)
"""Levels that training files of the brain hold a few slices of."""

Planes = NDArray[np.float16]


@dataclass(frozen=True)
class Pool:
    """Slices as `images.preprocessing.preprocess` gives them, to three digits: float16 (N, size, size).

    Attributes
    ----------
    normals, bleeds
        At the level of the brain.
    levels
        Elsewhere, without a bleed.
    below
        bool (N,), whether a slice of `levels` lies below the brain.
    """

    normals: Planes
    bleeds: Planes
    levels: Planes
    below: NDArray[np.bool_]

    @classmethod
    def joined(cls, pools: "Sequence[Pool]") -> "Pool":
        """Several as one."""
        return cls(*(np.concatenate([getattr(pool, name) for pool in pools]) for name in vars(pools[0])))


def draw_pool(
    count: int, seed: int, constants: Preprocessing, on_image: Callable[[], None] = lambda: None
) -> Pool:
    """About `count` slices: of seven, two normal brains, three with a bleed and two of other levels.

    The same for the same arguments. Those in which no head is found are left out, as they are at serving.
    `on_image` is called before each is drawn, and may raise to stop.
    """
    first = SYNTHETIC_SEEDS + seed * count
    normals, bleeds, levels, below = [], [], [], []
    for index in range(count):
        on_image()
        place, turn = index % 7, index // 7
        if place < 2:
            normals += _prepared(generate_image(first + index, None, unusual=True), constants)
        elif place < 5:
            kind = list(Bleed)[(3 * turn + place) % len(Bleed)]
            bleeds += _prepared(generate_image(first + index, kind, unusual=True), constants)
        else:
            level = (*BELOW, *BETWEEN)[(2 * turn + place) % 5]
            made = _prepared(generate_level(first + index, level), constants)
            levels += made
            below += [level in BELOW] * len(made)
    return Pool(np.stack(normals), np.stack(bleeds), np.stack(levels), np.array(below, dtype=np.bool_))


def _prepared(image: SyntheticImage, constants: Preprocessing) -> list[Planes]:
    try:
        return [preprocess(image.image, constants)[:, :, 0].astype(np.float16)]
    except NotACtSlice:
        return []
