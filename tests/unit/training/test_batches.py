"""Batches are balanced as the hyperparameters say, and large patients do not rule them."""

import numpy as np
import pytest

from models.constants import Preprocessing
from training.batches import BatchMaker, Images
from training.hyperparameters import Hyperparameters
from training.train import synthetic_images


@pytest.fixture(scope="module")
def images() -> Images:
    return synthetic_images(12, 1, Preprocessing())


def test_a_batch_has_the_shapes_that_the_fit_expects(images: Images) -> None:
    batch = BatchMaker(images, None, Hyperparameters(batch_size=8)).draw()
    assert batch.pixels.shape == (8, 112, 112, 1)
    assert batch.heat.shape == (8, 14, 14)
    assert batch.targets.shape == batch.heat_known.shape == (8,)


def test_classes_are_balanced_whatever_the_data(images: Images) -> None:
    skewed = images.take(np.array([0, 2, 4, 6, 8, 1]))
    maker = BatchMaker(skewed, images, Hyperparameters(batch_size=100))
    assert 0.35 < maker.draw().targets.mean() < 0.65


def test_the_heat_map_is_known_for_normals_and_painted_bleeds_only(images: Images) -> None:
    batch = BatchMaker(images, None, Hyperparameters(batch_size=60)).draw()
    has_heat = batch.heat.max(axis=(1, 2)) > 0
    assert not has_heat[batch.targets == 0].any()
    assert (batch.heat_known[batch.targets == 0] == 1.0).all()
    assert has_heat.any()
    assert (batch.heat_known[has_heat] == 1.0).all()


def test_batches_repeat_with_the_seed(images: Images) -> None:
    one, other = (BatchMaker(images, None, Hyperparameters(batch_size=4)).draw() for _ in range(2))
    np.testing.assert_array_equal(one.pixels, other.pixels)


def test_slices_of_a_large_patient_count_less_each() -> None:
    pixels = np.zeros((6, 8, 8, 1), dtype=np.float32)
    groups = np.array(["a", "a", "a", "a", "b", "c"])
    weights = Images(pixels, np.array([0, 0, 0, 0, 0, 1]), groups).weights(0)
    np.testing.assert_allclose(weights, np.array([0.5, 0.5, 0.5, 0.5, 1.0, 0.0]) / 3.0)
