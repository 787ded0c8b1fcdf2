"""Serving graphs for the versions of release 0.1, made where the database is migrated."""

import os

import typer

from cli.extras import can_train
from cli.terminal import say
from core.home import Home
from core.lock import acquire
from models.card import ModelCard
from models.store import ModelStore


def unconverted(home: Home) -> list[str]:
    """The versions of a home that have no serving graph."""
    cards = ModelStore(home.models).versions()
    return [card.version for card in cards if isinstance(card, ModelCard) and not card.graph_sha256]


def convert_versions(home: Home) -> bool:
    """Make the graphs that are missing, and say of each what became of it; whether all were made.

    A version that cannot be converted is only said: another one may be in use.
    """
    if not (missing := unconverted(home)):
        return True
    if not can_train():
        return _without_tensorflow(missing, "without TensorFlow none can be made")
    from training.quiet import load_tensorflow, own_temporary_folder

    typer.echo("Making the serving graphs of model versions of an earlier release ...")
    try:
        load_tensorflow()
    except Exception as failed:  # noqa: BLE001 - an import of so much native code fails in many ways
        return _without_tensorflow(missing, f"TensorFlow cannot be imported ({failed})")
    from training.convert import convert_all

    well = True
    lock = acquire(
        home.run / "convert.lock", "Another conversion of models"
    )  # two graphs of one network differ
    try:
        with own_temporary_folder():
            for card, error in convert_all(ModelStore(home.models)):
                well = well and error is None
                say(f"{card.version}: {error or 'converted'}", err=error is not None)
    finally:
        os.close(lock)
    return well


def _without_tensorflow(missing: list[str], why: str) -> bool:
    typer.echo(
        f"{len(missing)} model versions have no serving graph, and {why}: {', '.join(missing)}. Install the "
        "extra `train` (`make up` does it), then run `headct models convert`.",
        err=True,
    )
    return False
