"""Serving graphs for the versions of release 0.1, made where the database is migrated."""

import os
from collections.abc import Iterator

from core.errors import GraphMissing, ModelError
from core.home import Home
from core.lock import acquire
from models.card import ModelCard
from models.store import ModelStore
from services.extras import can_train
from training.quiet import load_tensorflow, own_temporary_folder


def unconverted(home: Home) -> list[str]:
    """The versions of a home that have no serving graph."""
    cards = ModelStore(home.models).versions()
    return [card.version for card in cards if isinstance(card, ModelCard) and not card.graph_sha256]


def convert_versions(home: Home) -> Iterator[tuple[str, ModelError | None]]:
    """Make the graphs that are missing; gives each version, and why it could not be converted.

    Raises
    ------
    GraphMissing
        None can be made here.
    """
    if not can_train():
        raise _missing(home, "without TensorFlow none can be made")
    try:
        load_tensorflow()
    except Exception as failed:  # an import of so much native code fails in many ways
        raise _missing(home, f"TensorFlow cannot be imported ({failed})") from failed
    from training.convert import convert_all  # noqa: PLC0415 - imports TensorFlow

    lock = acquire(
        home.run / "convert.lock", "Another conversion of models"
    )  # two graphs of one network differ
    try:
        with own_temporary_folder():
            for card, error in convert_all(ModelStore(home.models)):
                yield card.version, error
    finally:
        os.close(lock)


def _missing(home: Home, why: str) -> GraphMissing:
    missing = unconverted(home)
    return GraphMissing(
        f"{len(missing)} model versions have no serving graph, and {why}: {', '.join(missing)}. Install the "
        "extra `train` (`make up` does it), then run `headct models convert`."
    )
