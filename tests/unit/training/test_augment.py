"""Augmentation changes the picture, not what it shows."""

from collections.abc import Callable

import numpy as np
import pytest

from images.constants import Preprocessing
from images.preprocessing import preprocess
from training.augment import degrade, distort
from training.phantoms.synthetic import generate_image


@pytest.fixture(scope="module")
def plane() -> np.ndarray:
    return preprocess(generate_image(1, None).image, Preprocessing())[:, :, 0]


@pytest.mark.parametrize("change", [distort, degrade])
def test_a_change_keeps_shape_and_type_and_leaves_the_original_alone(
    change: Callable[[np.ndarray, np.random.Generator], np.ndarray], plane: np.ndarray
) -> None:
    before = plane.copy()
    for seed in range(12):  # enough for every way of resolving to be taken
        changed = change(plane, np.random.default_rng(seed))
        assert (changed.shape, changed.dtype) == (plane.shape, np.float32)
        assert not np.array_equal(changed, plane)
    np.testing.assert_array_equal(plane, before)


def test_the_same_generator_makes_the_same_change(plane: np.ndarray) -> None:
    one, other = (degrade(distort(plane, rng), rng) for rng in map(np.random.default_rng, (4, 4)))
    np.testing.assert_array_equal(one, other)


def test_outside_the_head_stays_empty(plane: np.ndarray) -> None:
    assert (degrade(plane, np.random.default_rng(0))[plane == 0.0] == 0.0).all()
