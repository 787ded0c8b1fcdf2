"""Serving graphs for versions that were registered without one, by release 0.1."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError, NotACtSlice
from images.constants import Preprocessing
from images.preprocessors import preprocessor_of
from models.card import ModelCard
from models.network import load_network
from models.store import ModelStore, StoredModel
from training.graph import make_graph
from training.phantoms.bleeds import Bleed
from training.phantoms.synthetic import generate_image

_CHECKED = 24
"""Synthetic slices on which graph and network must agree."""


def convert(store: ModelStore, stored: StoredModel) -> StoredModel:
    """Make the serving graph of a version and keep it beside its weights.

    Raises
    ------
    ModelError
    """
    version = stored.card.version
    pixels = np.stack(list(_pixels(stored.card.preprocessing)))
    network = load_network(stored, turned=False)
    try:
        return store.add_graph(version, make_graph(network, pixels, version))
    except ModelError:
        raise
    except Exception as error:  # a full disk, or whatever Keras and tf2onnx raise: the version stays as it is
        raise ModelError(
            f"The serving graph of model {version} could not be made ({type(error).__name__}: "
            f"{str(error)[:200]}). Mend that, then run `headct models convert`."
        ) from error


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
            image = generate_image(seed, kinds[seed % len(kinds)]).image
            yield preprocessor_of(constants).prepare(image, constants)
        except NotACtSlice:
            continue
