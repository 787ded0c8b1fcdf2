"""Model versions of a site, for tests: the shipped network under other names."""

from dataclasses import replace

from models.card import ModelCard
from models.store import ModelStore, StoredModel, shipped_model


def register_copy(store: ModelStore, version: str, card: ModelCard | None = None) -> StoredModel:
    """Register the shipped weights and serving graph as that version, by default with the shipped card."""
    shipped = shipped_model()
    named = replace(
        card or shipped.card,
        version=version,
        weights_sha256=shipped.card.weights_sha256,
        graph_sha256=shipped.card.graph_sha256,
    )
    return store.register(named, shipped.weights_path, shipped.graph_path.read_bytes())
