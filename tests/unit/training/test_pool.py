"""The pool holds slices of every level, the same for the same seed."""

import numpy as np
import pytest

from images.constants import Preprocessing
from training.pool import draw_pool


def test_a_pool_has_brains_without_and_with_a_bleed_and_other_levels() -> None:
    pool = draw_pool(14, 3, Preprocessing())
    assert (len(pool.normals), len(pool.bleeds)) == (4, 6)
    assert 2 <= len(pool.levels) == len(pool.below) <= 4
    assert pool.normals.dtype == np.float16


def test_pools_repeat_with_the_seed_and_differ_between_seeds() -> None:
    one, same, other = (draw_pool(7, seed, Preprocessing()) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.bleeds, same.bleeds)
    assert not np.array_equal(one.bleeds, other.bleeds)


def test_drawing_can_be_stopped_before_any_slice() -> None:
    drawn = []

    def stop() -> None:
        drawn.append(1)
        if len(drawn) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_pool(700, 1, Preprocessing(), stop)
    assert len(drawn) == 3
