"""The network keeps what the issue asks of it, and says how far an image is from what it has learnt."""

import numpy as np
import pytest
from keras import Model, layers

from images.constants import Preprocessing
from models.network import (
    GUARD,
    GUARD_AXES,
    HEAT,
    LEVEL,
    MAX_PARAMETERS,
    SUMMARY,
    build_network,
)


@pytest.fixture
def network() -> Model:
    return build_network(Preprocessing().input_shape)


@pytest.fixture
def batch() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, *Preprocessing().input_shape)).astype(np.float32)


def test_it_is_made_of_convolution_max_pooling_and_dropout(network: Model) -> None:
    kinds = {type(layer) for layer in network.layers}
    assert {layers.Conv2D, layers.MaxPooling2D, layers.Dropout, layers.Dense} <= kinds
    assert layers.Lambda not in kinds


def test_it_has_at_most_a_million_parameters(network: Model) -> None:
    assert network.count_params() <= MAX_PARAMETERS


def test_it_gives_a_logit_and_a_distance_for_each_image(network: Model, batch: np.ndarray) -> None:
    said = network(batch, training=False)
    assert {name: tuple(value.shape) for name, value in said.items()} == {"logit": (3, 1), "distance": (3, 1)}
    assert (np.asarray(said["distance"]) >= 0.0).all()


def test_heat_has_a_cell_for_eight_by_eight_pixels(network: Model) -> None:
    assert network.get_layer(HEAT).output.shape == (None, 20, 20, 1)


def test_the_distance_grows_with_unusual_features_and_with_a_level_below_the_brain(
    network: Model, batch: np.ndarray
) -> None:
    before = np.asarray(network(batch, training=False)["distance"])
    features = network.get_layer(SUMMARY).output.shape[-1]
    network.get_layer(GUARD).set_weights([np.full(features, 9.0), np.ones((features, GUARD_AXES))])
    unusual = np.asarray(network(batch, training=False)["distance"])
    kernel, bias = network.get_layer(LEVEL).get_weights()
    network.get_layer(LEVEL).set_weights([kernel, bias + 5.0])
    below = np.asarray(network(batch, training=False)["distance"])
    assert (before < unusual).all()
    assert (unusual < below).all()


def test_the_guard_is_in_the_weights_that_are_saved_but_is_not_trained(network: Model) -> None:
    guard = network.get_layer(GUARD)
    assert len(guard.weights) == 2
    assert not guard.trainable_variables


def test_an_image_and_its_mirror_image_get_the_same_answer(network: Model, batch: np.ndarray) -> None:
    layers_out = {**network.output, HEAT: network.get_layer(HEAT).output}
    served = Model(network.input, layers_out)
    said, mirrored = served(batch, training=False), served(batch[:, :, ::-1], training=False)
    for name in ("logit", "distance"):
        np.testing.assert_allclose(said[name], mirrored[name], atol=1e-5)
    np.testing.assert_allclose(said[HEAT], np.asarray(mirrored[HEAT])[:, :, ::-1], atol=1e-5)


def test_a_network_of_release_0_1_takes_a_head_as_it_lies(batch: np.ndarray) -> None:
    as_it_lies, turned = (
        build_network(Preprocessing().input_shape, turned=turned) for turned in (False, True)
    )
    as_it_lies.set_weights(turned.get_weights())
    mirrored = batch[:, :, ::-1]
    same = [np.asarray(as_it_lies(one, training=False)["logit"]) for one in (batch, mirrored)]
    canonical = np.asarray(turned(batch, training=False)["logit"])
    assert (np.isclose(canonical, same[0], atol=1e-5) | np.isclose(canonical, same[1], atol=1e-5)).all()
    assert not np.allclose(same[0], same[1], atol=1e-5)
