"""Every fit starts from weights that saw synthetic images alone."""

import numpy as np
import pytest

from images.constants import Preprocessing
from models.network import GUARD, build_network
from training.hyperparameters import Hyperparameters
from training.pool import draw_pool
from training.pretraining import POOL_SEEDS, draw_halves, pretrain, start_from_pretrained


def test_a_new_network_gets_the_pretrained_weights() -> None:
    one, other = build_network(Preprocessing().input_shape), build_network(Preprocessing().input_shape)
    start_from_pretrained(one)
    start_from_pretrained(other)
    for mine, yours in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, yours)


def test_a_network_of_another_shape_keeps_its_own() -> None:
    narrow = build_network(Preprocessing().input_shape, widths=(4, 8, 8, 8))
    before = narrow.get_weights()
    start_from_pretrained(narrow)
    np.testing.assert_array_equal(narrow.get_weights()[0], before[0])


@pytest.mark.usefixtures("eager")
def test_pretraining_needs_no_patient() -> None:
    network = pretrain(draw_pool(14, 0, Preprocessing()), 2, Hyperparameters(batch_size=4))
    assert all(np.isfinite(weight).all() for weight in network.get_weights())
    assert not network.get_layer(GUARD).get_weights()[1].any()


def test_the_pool_is_drawn_by_two_processes() -> None:
    pool = draw_halves(7)
    parts = [draw_pool(7, seed, Preprocessing()) for seed in POOL_SEEDS]
    np.testing.assert_array_equal(pool.bleeds, np.concatenate([part.bleeds for part in parts]))
    assert len(pool.levels) == len(pool.below) == sum(len(part.levels) for part in parts)
