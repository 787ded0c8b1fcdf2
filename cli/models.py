"""`headct models`: the versions of the network, and which of them classifies."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import open_migrated
from cli.user import user_name

if TYPE_CHECKING:
    from models.card import ModelCard

app = typer.Typer(
    help="List, compare and show the versions of the network, and change the one in use.",
    no_args_is_help=True,
)
Version = Annotated[str, typer.Argument(help="as `headct models list` names it")]
By = Annotated[str | None, typer.Option("--by", help="who decides; default: this user of the system")]


def register(parent: typer.Typer) -> None:
    """Add the commands of this module."""
    parent.add_typer(app, name="models")


@app.command("list")
def list_versions() -> None:
    """List the versions; the one in use is marked."""
    from cli.model_printing import print_versions
    from db.engine import reading
    from db.promotions import version_in_use
    from models.store import ModelStore, shipped_model

    context = open_migrated()
    with reading(context.engine) as session:
        in_use = version_in_use(session)
    print_versions(ModelStore(context.home.models).versions(), in_use or shipped_model().card.version)


@app.command()
def show(version: Annotated[str | None, typer.Argument(help="default: the one in use")] = None) -> None:
    """Print a version's card: figures, protocol, data fingerprint, preprocessing."""
    sys.stdout.write(_card(version).to_json())


@app.command()
def history() -> None:
    """Show which version was in use when, who decided it and why, the newest first."""
    from cli.model_printing import print_history
    from db.engine import reading
    from db.promotions import history as changes

    with reading(open_migrated().engine) as session:
        print_history(changes(session))


@app.command()
def compare(a: Version, b: Version) -> None:
    """Show two versions side by side: operating point, figures with intervals, baselines, data."""
    from cli.model_printing import print_comparison

    print_comparison(_card(a), _card(b))


@app.command()
def promote(version: Version, by: By = None) -> None:
    """Put a version into use; the workers switch within 5 s, without a restart."""
    from sqlalchemy.orm import Session

    from db.promotions import promote as put_into_use
    from db.states import Cause
    from models.serving import check_servable
    from models.store import ModelStore, shipped_model

    context = open_migrated()
    stored = ModelStore(context.home.models).find(version)
    check_servable(stored)
    meant = None if stored.card.version == shipped_model().card.version else version
    with Session(context.engine) as session, session.begin():
        promotion = put_into_use(
            session, meant, cause=Cause.PERSON, decided_by=by or user_name(), evidence=None
        )
        replaced = promotion.replaced_version if promotion else None
    if replaced is None:
        typer.echo(f"{version} is in use already. Nothing was recorded.")
    else:
        _say_switched(version, replaced)
        typer.echo(
            "Scans without a result of it show an earlier one; `headct reclassify` classifies them again."
        )


@app.command()
def convert() -> None:
    """Make the serving graph of versions that have none, as those of release 0.1; `headct up` does so too."""
    from cli.conversion import convert_versions, unconverted

    home = open_migrated().home
    if not unconverted(home):
        typer.echo("Every version has its serving graph.")
    elif not convert_versions(home):
        raise typer.Exit(1)


@app.command()
def rollback(by: By = None) -> None:
    """Go back to the version that was in use before; a second time: one further back."""
    from sqlalchemy.orm import Session

    from db.promotions import rollback as go_back
    from db.promotions import version_in_use
    from models.serving import check_servable
    from models.store import ModelStore

    context = open_migrated()
    with Session(context.engine) as session, session.begin():
        promotion = go_back(session, by or user_name())
        stored = ModelStore(context.home.models).find(version_in_use(session))
        check_servable(stored)  # or nothing is recorded
        replaced = promotion.replaced_version
    _say_switched(stored.card.version, replaced)


def _say_switched(version: str, replaced: str) -> None:
    from db.promotions import SHIPPED
    from models.store import shipped_model

    before = shipped_model().card.version if replaced == SHIPPED else replaced
    typer.echo(f"{version} is in use instead of {before}. Running workers switch within 5 s.")


def _card(version: str | None) -> "ModelCard":
    from cli.model_in_use import model_in_use
    from models.store import ModelStore

    context = open_migrated()
    stored = ModelStore(context.home.models).find(version) if version else model_in_use(context)
    return stored.card
