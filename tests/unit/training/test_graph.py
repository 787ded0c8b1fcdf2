"""A serving graph says what its network says, or is refused."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from core.errors import GraphDisagrees
from core.image_files import Limits
from images.constants import Preprocessing
from models.classifier import Classifier
from models.network import HEAT, build_network, load_network
from models.store import ModelStore, shipped_model
from training.fit import outputs
from training.graph import TOLERANCE, check_agreement, make_graph
from training.labelled.folder import read_folders
from training.register import register
from training.train import prepare_records

PIXELS = np.random.default_rng(1).normal(0.0, 0.5, (3, *Preprocessing().input_shape)).astype(np.float32)


def test_the_shipped_graph_says_of_real_slices_what_the_shipped_network_says(real_images: Path) -> None:
    pixels = prepare_records(read_folders([real_images], Limits()), Preprocessing(), Limits()).pixels
    network = load_network(shipped_model(), turned=True)
    wanted, said = outputs(network, pixels), Classifier.load(shipped_model()).score(pixels)
    np.testing.assert_allclose(said.logits, wanted.logits, atol=TOLERANCE)
    np.testing.assert_allclose(said.distances, wanted.distances, atol=TOLERANCE)
    heat = keras.Model(network.input, network.get_layer(HEAT).output)(pixels, training=False)
    np.testing.assert_allclose(said.heat, np.asarray(heat)[..., 0], atol=TOLERANCE)


def test_a_graph_of_another_network_is_refused() -> None:
    graph = make_graph(build_network(Preprocessing().input_shape), PIXELS, "site-1")
    with pytest.raises(GraphDisagrees, match=r"site-1 differs from its network by .* It was not registered"):
        check_agreement(graph, load_network(shipped_model(), turned=True), PIXELS, "site-1")


def test_a_network_that_says_nan_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    network = build_network(Preprocessing().input_shape)
    network.get_layer("logit").set_weights([np.nan * w for w in network.get_layer("logit").get_weights()])
    store = ModelStore(tmp_path / "models")
    with pytest.raises(GraphDisagrees, match="nan"):
        register(store, network, replace(shipped_model().card, version="site-1"), PIXELS)
    assert not store.directory.exists()
