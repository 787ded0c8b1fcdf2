"""`headct models`: the versions of the network, and which of them classifies."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer

from cli.arguments import user_name
from cli.printing import (
    NOTICE,
    Column,
    as_wide,
    figure,
    interval,
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
    print_comparison(_card(a), _card(b))


@models.command()
def promote(version: Version, by: By = None) -> None:
    """Put a version into use. The workers switch within 5 s, without a restart."""
    switch = service.promote(open_migrated(), version, by or user_name())
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
def rollback(by: By = None) -> None:
    """Go back to the version that was in use before. A second time: one further back."""
    _say_switched(service.rollback(open_migrated(), by or user_name()))


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
    why = as_wide("why", promotions, _why, 36)
    if why.width < 36:
        print_rows([[*columns, why] for columns in choices], promotions)
    else:
        print_rows(choices, promotions, why)


def _named(recorded: str) -> str:
    return f"{shipped_model().card.version} {SHIPPED}" if recorded == SHIPPED else recorded


def _why(promotion: Promotion) -> str:
    return (promotion.evidence or {}).get("rule", "") if promotion.cause == "gate" else promotion.cause


def print_comparison(a: ModelCard, b: ModelCard) -> None:
    """Both cards side by side, and whether their figures compare."""
    sections = {
        "operating point": _side_by_side(vars(a.operating_point), vars(b.operating_point)),
        "figures, 95 % interval": _side_by_side(a.metrics, b.metrics),
        "baselines": _side_by_side(_flat(a.baselines), _flat(b.baselines)),
        "made": _side_by_side(_origin(a), _origin(b)),
    }
    rows = [row for title, below in sections.items() for row in ((title, "", ""), *below)]
    print_table(["", a.version, b.version], rows, dict.fromkeys(sections, "bold"))
    if a.data_fingerprint != b.data_fingerprint:
        tell("Their data differ, the test images too: the figures are not comparable.", "yellow")
    elif a.protocol != b.protocol:
        tell("They were measured by different protocols: the figures hardly compare.", "yellow")
    for card, other in ((a, b), (b, a)):
        if card.gate.get("incumbent") == other.version:
            tell(f"When {card.version} was made, both were measured on its test images. {card.gate['rule']}")
    tell(NOTICE, "dim")


def _side_by_side(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name in dict.fromkeys((*a, *b)):
        if not name.endswith("_ci95"):
            left, right = _cell(a, name), _cell(b, name)
            if left or right:
                yield f"  {name.replace('_', ' ')}", left, right


def _cell(values: Mapping[str, Any], name: str) -> str:
    value, ends = values.get(name), interval(values, name)
    if not isinstance(value, int | float | str):  # None, or a table such as the errors one by one
        return ""
    said = figure(value) if isinstance(value, float) else str(value)
    return f"{said} ({ends})" if ends else said


def _flat(baselines: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in baselines.items():
        flat |= (
            {f"{name} {key}": one for key, one in value.items()} if isinstance(value, dict) else {name: value}
        )
    return flat


def _origin(card: ModelCard) -> dict[str, Any]:
    return {
        "created": card.created_at[:19],
        "data": card.data_fingerprint[:12],
        "preprocessing": card.preprocessing.version,
        "parameters": card.parameters,
        "seed": card.seed,
        "weights": card.weights_sha256[:12],
    }
