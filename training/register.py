"""Putting a new version into the store: its weights, its serving graph, and a card that says all of it."""

import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from models.card import ModelCard
from models.store import ModelStore, weights_sha256
from training.graph import make_graph


def register(
    store: ModelStore, network: keras.Model, card: ModelCard, pixels: NDArray[np.float32]
) -> ModelCard:
    """Save weights, graph and card as one version, which appears whole or not at all; returns the card.

    The two SHA-256 in the card are filled in here.

    Parameters
    ----------
    pixels
        Prepared images, float32 (N, size, size, 1), of which graph and network must say the same.

    Raises
    ------
    GraphDisagrees
    ModelError
        The version's name is taken.
    OSError
        The disk is full.
    """
    graph = make_graph(network, pixels, card.version)
    with tempfile.TemporaryDirectory(prefix="headct-weights-") as folder:
        weights = Path(folder) / "model.weights.h5"
        network.save_weights(weights)
        card = replace(
            card,
            weights_sha256=weights_sha256(weights),
            graph_sha256=hashlib.sha256(graph).hexdigest(),
        )
        store.register(card, weights, graph)
    return card
