"""Augmentation changes the picture, not what it shows; painted bleeds lie in the brain."""

from collections.abc import Callable

import numpy as np
import pytest

from models.constants import Preprocessing
from models.preprocessing import preprocess
from training.augment import degrade, distort, paint_bleed
from training.synthetic import generate_scan


@pytest.fixture(scope="module")
def plane() -> np.ndarray:
    return preprocess(generate_scan(1, None).image, Preprocessing())[:, :, 0]


@pytest.mark.parametrize("change", [distort, degrade])
def test_a_change_keeps_shape_and_type_and_leaves_the_original_alone(
    change: Callable[[np.ndarray, np.random.Generator], np.ndarray], plane: np.ndarray
) -> None:
    before = plane.copy()
    changed = change(plane, np.random.default_rng(0))
    assert (changed.shape, changed.dtype) == (plane.shape, np.float32)
    np.testing.assert_array_equal(plane, before)
    assert not np.array_equal(changed, plane)


def test_the_same_generator_makes_the_same_change(plane: np.ndarray) -> None:
    one, other = (degrade(distort(plane, rng), rng) for rng in map(np.random.default_rng, (4, 4)))
    np.testing.assert_array_equal(one, other)


def test_outside_the_head_stays_empty(plane: np.ndarray) -> None:
    assert (degrade(plane, np.random.default_rng(0))[plane == 0.0] == 0.0).all()


def test_painted_blood_is_bright_and_inside_the_skull(plane: np.ndarray) -> None:
    for seed in range(20):
        painted, mask = paint_bleed(plane, np.random.default_rng(seed))
        assert mask.any()
        assert (painted[mask] > plane[mask] + 0.1).all()
        assert (painted >= plane).all()
        assert (plane[mask] < 1.0).mean() > 0.95


def test_nothing_is_painted_where_there_is_no_brain() -> None:
    empty = np.zeros((112, 112), dtype=np.float32)
    painted, mask = paint_bleed(empty, np.random.default_rng(0))
    assert not mask.any()
    np.testing.assert_array_equal(painted, empty)
