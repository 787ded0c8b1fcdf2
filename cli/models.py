"""`headct models`: the versions of the network."""

import sys
from typing import Annotated

import typer

from cli.context import make_home

app = typer.Typer(help="List and show the versions of the network.", no_args_is_help=True)


@app.command("list")
def list_versions() -> None:
    """List the versions; the one in use is marked."""
    from models.store import ModelStore

    context = make_home()
    store = ModelStore(context.home.models)
    in_use = store.find(context.settings.model_version).card.version
    for card in store.versions():
        mark = "*" if card.version == in_use else " "
        threshold = card.operating_point.threshold
        typer.echo(f"{mark} {card.version}  {card.created_at}  threshold {threshold:.3f}")
    typer.echo("* classifies; set HEADCT_MODEL_VERSION to another and start the workers again to change it.")


@app.command()
def show(version: Annotated[str | None, typer.Argument(help="default: the one in use")] = None) -> None:
    """Print a version's card: figures, protocol, data fingerprint, preprocessing."""
    from models.store import ModelStore

    context = make_home()
    stored = ModelStore(context.home.models).find(version or context.settings.model_version)
    sys.stdout.write(stored.card.to_json())
