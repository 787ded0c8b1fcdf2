"""Serving graphs for versions that were registered without one, by release 0.1."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError, NotACtSlice
from models.card import ModelCard
from models.constants import Preprocessing
from models.network import load_network
from models.preprocessors import preprocessor_of
from models.store import ModelStore, StoredModel
from training.graph import make_graph
from training.phantoms.bleeds import Bleed
from training.phantoms.synthetic import generate_scan

_CHECKED = 24
"""Synthetic slices on which graph and network must agree."""


def convert(store: ModelStore, stored: StoredModel) -> StoredModel:
    """Make the serving graph of a version and keep it beside its weights.

    Raises
    ------
    ModelError
    """
    pixels = np.stack(list(_pixels(stored.card.preprocessing)))
    graph = make_graph(load_network(stored), pixels, stored.card.version)
    return store.add_graph(stored.card.version, graph)


def convert_all(store: ModelStore) -> Iterator[tuple[ModelCard, ModelError | None]]:
    """Convert every version that has no graph; gives each, and why it could not be converted."""
    for card in store.versions():
        if isinstance(card, ModelCard) and not card.graph_sha256:
            try:
                convert(store, store.find(card.version))
            except ModelError as error:
                yield card, error
            else:
                yield card, None


def _pixels(constants: Preprocessing) -> Iterator[NDArray[np.float32]]:
    kinds = (None, *Bleed)
    for seed in range(_CHECKED):
        try:
            image = generate_scan(seed, kinds[seed % len(kinds)]).image
            yield preprocessor_of(constants).prepare(image, constants)
        except NotACtSlice:
            continue
