"""The network keeps what the issue asks of it."""

import numpy as np
import pytest
from keras import Model, layers

from models.constants import Preprocessing
from models.network import HEAT, MAX_PARAMETERS, build_network


@pytest.fixture(scope="module")
def network() -> Model:
    return build_network(Preprocessing().input_shape)


def test_it_is_made_of_convolution_max_pooling_and_dropout_with_a_two_way_softmax(network: Model) -> None:
    kinds = {type(layer) for layer in network.layers}
    assert {layers.Conv2D, layers.MaxPooling2D, layers.Dropout, layers.Dense} <= kinds
    assert layers.Lambda not in kinds
    assert network.layers[-1].activation.__name__ == "softmax"
    assert network.output.shape == (None, 2)


def test_it_has_at_most_a_million_parameters(network: Model) -> None:
    assert network.count_params() <= MAX_PARAMETERS


def test_its_outputs_are_probabilities(network: Model) -> None:
    batch = np.random.default_rng(0).normal(size=(3, *Preprocessing().input_shape)).astype(np.float32)
    outputs = np.asarray(network(batch, training=False))
    np.testing.assert_allclose(outputs.sum(axis=1), 1.0, atol=1e-6)


def test_the_heat_map_has_a_cell_for_eight_by_eight_pixels(network: Model) -> None:
    assert network.get_layer(HEAT).output.shape == (None, 14, 14, 1)
