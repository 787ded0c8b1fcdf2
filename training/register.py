"""Putting a new version into the store: its weights, and a card that says all that is known of it."""

import tempfile
from dataclasses import replace
from pathlib import Path

import keras

from models.card import ModelCard
from models.store import ModelStore, weights_sha256


def register(store: ModelStore, network: keras.Model, card: ModelCard) -> ModelCard:
    """Save the weights and the card as one version, which appears whole or not at all; returns the card.

    The SHA-256 of the weights in the card is filled in here.

    Raises
    ------
    ModelError
        The version's name is taken.
    OSError
        The disk is full.
    """
    with tempfile.TemporaryDirectory(prefix="headct-weights-") as folder:
        weights = Path(folder) / "model.weights.h5"
        network.save_weights(weights)
        card = replace(card, weights_sha256=weights_sha256(weights))
        store.register(card, weights)
    return card
