"""`headct models`: the versions of the network, and which of them classifies."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cli.user import user_name
from services.context import open_migrated

if TYPE_CHECKING:
    from models.card import ModelCard
    from services.models import Switch

models = typer.Typer(
    help="List, compare and show the versions of the network, and change the one in use.",
    no_args_is_help=True,
)
Version = Annotated[str, typer.Argument(help="as `headct models list` names it")]
By = Annotated[str | None, typer.Option("--by", help="who decides; default: this user of the system")]


@models.command("list")
def list_versions() -> None:
    """List the versions; the one in use is marked."""
    from cli.model_printing import print_versions
    from db.engine import read_session
    from db.promotions import version_in_use
    from models.store import ModelStore, shipped_model

    context = open_migrated()
    with read_session(context.engine) as session:
        in_use = version_in_use(session)
    print_versions(ModelStore(context.home.models).versions(), in_use or shipped_model().card.version)


@models.command()
def show(version: Annotated[str | None, typer.Argument(help="default: the one in use")] = None) -> None:
    """Print a version's card: figures, protocol, data fingerprint, preprocessing."""
    sys.stdout.write(_card(version).to_json())


@models.command()
def history() -> None:
    """Show which version was in use when, who decided it and why, the newest first."""
    from cli.model_printing import print_history
    from db.engine import read_session
    from db.promotions import history as changes

    with read_session(open_migrated().engine) as session:
        print_history(changes(session))


@models.command()
def compare(a: Version, b: Version) -> None:
    """Show two versions side by side: operating point, figures with intervals, baselines, data."""
    from cli.model_printing import print_comparison

    print_comparison(_card(a), _card(b))


@models.command()
def promote(version: Version, by: By = None) -> None:
    """Put a version into use; the workers switch within 5 s, without a restart."""
    from services.models import promote as put_into_use

    switch = put_into_use(open_migrated(), version, by or user_name())
    if switch.replaced is None:
        typer.echo(f"{version} is in use already. Nothing was recorded.")
    else:
        _say_switched(switch)
        typer.echo(
            "Files without a result of it show an earlier one; `headct reclassify` classifies them again."
        )


@models.command()
def convert() -> None:
    """Make the serving graph of versions that have none, as those of release 0.1; `headct up` does so too."""
    from cli.conversion import convert_versions, unconverted

    home = open_migrated().home
    if not unconverted(home):
        typer.echo("Every version has its serving graph.")
    elif not convert_versions(home):
        raise typer.Exit(1)


@models.command()
def rollback(by: By = None) -> None:
    """Go back to the version that was in use before; a second time: one further back."""
    from services.models import rollback as go_back

    _say_switched(go_back(open_migrated(), by or user_name()))


def _say_switched(switch: "Switch") -> None:
    typer.echo(f"{switch.version} is in use instead of {switch.replaced}. Running workers switch within 5 s.")


def _card(version: str | None) -> "ModelCard":
    from models.store import ModelStore
    from services.models import model_in_use

    context = open_migrated()
    stored = ModelStore(context.home.models).find(version) if version else model_in_use(context)
    return stored.card
