"""`headct models`: the versions of the network, and which of them classifies."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from cli.arguments import user_name
from cli.printing import (
    NOTICE,
    Column,
    as_wide,
    figure,
    moments,
    print_rows,
    print_table,
    say,
    tell,
)
from core.errors import GraphMissing
from core.home import Home
from db.promotions import SHIPPED
from db.tables import Promotion
from models.card import ModelCard
from models.store import DamagedModel, shipped_model
from services import models as service
from services.audit import Who
from services.comparison import Comparison, Figure
from services.comparison import compare as compare_versions
from services.context import open_migrated
from services.conversion import convert_versions as make_graphs
from services.conversion import unconverted
from services.extras import can_train

models = typer.Typer(
    help="List and compare versions of the network; change that in use.",
    no_args_is_help=True,
)
Version = Annotated[str, typer.Argument(help="as `headct models list` names it")]
By = Annotated[str | None, typer.Option("--by", help="who decides; default: this user of the system")]
Reason = Annotated[str | None, typer.Option("--reason", help="why; the history shows it")]
_DAMAGED = "damaged"
_Version = Column[ModelCard | DamagedModel]


@models.command("list")
def list_versions() -> None:
    """List the versions; the one in use is marked."""
    print_versions(*service.versions(open_migrated()))


@models.command()
def show(version: Annotated[str | None, typer.Argument(help="default: the one in use")] = None) -> None:
    """Print a version's card. That is figures, protocol, data fingerprint, preprocessing."""
    sys.stdout.write(_card(version).to_json())


@models.command()
def history() -> None:
    """Show which version was in use when, and why. The newest is first."""
    print_history(service.history(open_migrated()))


@models.command()
def compare(a: Version, b: Version) -> None:
    """Show two versions side by side. Operating point, figures with intervals, baselines, data."""
    print_comparison(compare_versions(open_migrated(), a, b))


@models.command()
def promote(version: Version, by: By = None, reason: Reason = None) -> None:
    """Put a version into use. The workers switch within 5 s, without a restart."""
    switch = service.promote(open_migrated(), version, Who(by or user_name()), reason)
    if switch.replaced is None:
        typer.echo(f"{version} is in use already. Nothing was recorded.")
    else:
        _say_switched(switch)
        typer.echo(
            "Files without a result of it show an earlier one; `headct reclassify` classifies them again."
        )


@models.command()
def convert() -> None:
    """Make the serving graph of versions that have none. `headct up` does so too, after release 0.1."""
    home = open_migrated().home
    if not unconverted(home):
        typer.echo("Every version has its serving graph.")
    elif not convert_versions(home):
        raise typer.Exit(1)


def convert_versions(home: Home) -> bool:
    """Make the serving graphs that are missing, and say of each what became of it; whether all were made.

    A version that cannot be converted is only said: another one may be in use.
    """
    if not unconverted(home):
        return True
    if can_train():
        typer.echo("Making the serving graphs of model versions of an earlier release ...")
    well = True
    try:
        for version, error in make_graphs(home):
            well = well and error is None
            say(f"{version}: {error or 'converted'}", err=error is not None)
    except GraphMissing as missing:
        say(str(missing), err=True)
        return False
    return well


@models.command()
def rollback(by: By = None, reason: Reason = None) -> None:
    """Go back to the version that was in use before. A second time: one further back."""
    _say_switched(service.rollback(open_migrated(), Who(by or user_name()), reason))


def _say_switched(switch: service.Switch) -> None:
    typer.echo(f"{switch.version} is in use instead of {switch.replaced}. Running workers switch within 5 s.")


def _card(version: str | None) -> ModelCard:
    return service.find_version(open_migrated(), version).card


def print_versions(versions: Sequence[ModelCard | DamagedModel], in_use: str) -> None:
    """A line a version; a star marks the one in use."""
    version = as_wide("version", versions, lambda one: one.version)
    mark = _Version("", 1, lambda one: "*" if one.version == in_use else "")
    auc = _Version("AUC", len(_DAMAGED), lambda one: _metric(one, "auc", _DAMAGED), {_DAMAGED: "red"})
    accuracy = _Version("accuracy", 8, lambda one: _metric(one, "accuracy"))
    threshold = _Version("threshold", 9, lambda one: _metric(one, "threshold"))
    made = _Version("created", 19, lambda one: getattr(one, "created_at", "")[:19])
    day = _Version("created", 10, lambda one: getattr(one, "created_at", "")[:10])
    choices = (
        [mark, version, made, auc, accuracy, threshold],
        [mark, version, day, auc, accuracy, threshold],
        [mark, version, auc, accuracy],
        [mark, version, auc],
    )
    print_rows(choices, versions)
    for one in versions:
        if problem := getattr(one, "problem", ""):
            tell(f"{one.version} is damaged. {problem}", "red")
    tell("* classifies. Figures of different data do not compare; `headct models compare A B` tells.")


def _metric(model: ModelCard | DamagedModel, name: str, damaged: str = "") -> str:
    if isinstance(model, DamagedModel):
        return damaged
    return figure(model.operating_point.threshold if name == "threshold" else model.metrics.get(name))


def print_history(promotions: Sequence[Promotion]) -> None:
    """A line a change, as they are given, and why below it where there is no room beside."""
    if not promotions:
        tell("No change yet: the version that ships with headct has been in use all along.")
        return
    when, day = moments("when", "promoted_at")
    version = as_wide("version", promotions, lambda one: _named(one.model_version))
    replaced = as_wide("instead of", promotions, lambda one: _named(one.replaced_version))
    by = as_wide("by", promotions, lambda one: one.decided_by, 16)
    choices = (
        [when, version, replaced, by],
        [day, version, replaced, by],
        [day, version, by],
        [day, version],
    )
    why = as_wide("why", promotions, service.why, 36)
    if why.width < 36:
        print_rows([[*columns, why] for columns in choices], promotions)
    else:
        print_rows(choices, promotions, why)


def _named(recorded: str) -> str:
    return f"{shipped_model().card.version} {SHIPPED}" if recorded == SHIPPED else recorded


def print_comparison(both: Comparison) -> None:
    """Both cards side by side, and whether their figures compare."""
    rows = [
        row
        for title, below in both.sections.items()
        for row in ((title, "", ""), *((f"  {line.name}", _cell(line.a), _cell(line.b)) for line in below))
    ]
    print_table(["", both.a.version, both.b.version], rows, dict.fromkeys(both.sections, "bold"))
    for number, remark in enumerate(both.remarks):
        tell(remark, "" if both.comparable or number else "yellow")
    tell(NOTICE, "dim")


def _cell(said: Figure) -> str:
    if said.value is None:
        return ""
    value = figure(said.value) if isinstance(said.value, float) else str(said.value)
    return f"{value} ({figure(said.interval[0])} to {figure(said.interval[1])})" if said.interval else value
