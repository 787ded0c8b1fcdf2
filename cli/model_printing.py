"""Model versions as tables."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.moments import local
from cli.printing import NOTICE
from db.tables import Promotion
from models.card import ModelCard
from models.store import DamagedModel

_NARROWEST = 120
"""Columns where the output is no terminal."""


def print_versions(versions: Sequence[ModelCard | DamagedModel], in_use: str) -> None:
    """A line a version; a star marks the one in use."""
    table = Table("", "version", "created", "AUC", "accuracy", "threshold", box=None, header_style="bold")
    damaged = [model for model in versions if isinstance(model, DamagedModel)]
    for model in versions:
        mark = "*" if model.version == in_use else ""
        if isinstance(model, DamagedModel):
            table.add_row(mark, model.version, Text("damaged", "red"))
            continue
        figures = (model.metrics.get("auc"), model.metrics.get("accuracy"), model.operating_point.threshold)
        table.add_row(mark, model.version, model.created_at[:19], *map(_figure, figures))
    console = _console()
    console.print(table)
    for model in damaged:
        console.print(f"{model.version} is damaged. {model.problem}", style="red", markup=False)
    console.print(
        "* classifies. Figures of different data do not compare; `headct models compare A B` tells."
    )


def print_history(promotions: Sequence[Promotion]) -> None:
    """A line a change, as they are given."""
    table = Table("when", "version", "instead of", "by", "why", box=None, header_style="bold")
    for one in promotions:
        why = (one.evidence or {}).get("rule", "") if one.cause == "gate" else one.cause
        table.add_row(
            local(one.promoted_at), one.model_version, one.replaced_version, Text(one.decided_by), Text(why)
        )
    _console().print(
        table
        if promotions
        else "No change yet: the version that ships with headct has been in use all along."
    )


def print_comparison(a: ModelCard, b: ModelCard) -> None:
    """Both cards side by side, and whether their figures compare."""
    table = Table("", a.version, b.version, box=None, header_style="bold")
    for title, rows in (
        ("operating point", _side_by_side(vars(a.operating_point), vars(b.operating_point))),
        ("figures, 95 % interval", _side_by_side(a.metrics, b.metrics)),
        ("baselines", _side_by_side(_flat(a.baselines), _flat(b.baselines))),
        ("made", _side_by_side(_origin(a), _origin(b))),
    ):
        table.add_row(Text(title, "bold"))
        for row in rows:
            table.add_row(*row)
    console = _console()
    console.print(table)
    if a.data_fingerprint != b.data_fingerprint:
        console.print(
            "Their data differ, the test images too: the figures are not comparable.", style="yellow"
        )
    elif a.protocol != b.protocol:
        console.print(
            "They were measured by different protocols: the figures hardly compare.", style="yellow"
        )
    for card, other in ((a, b), (b, a)):
        if card.gate.get("incumbent") == other.version:
            console.print(
                f"When {card.version} was made, both were measured on its test images. {card.gate['rule']}",
                markup=False,
            )
    console.print(NOTICE, style="dim")


def _side_by_side(a: dict[str, Any], b: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name in dict.fromkeys((*a, *b)):
        if not name.endswith("_ci95"):
            left, right = _cell(a, name), _cell(b, name)
            if left or right:
                yield f"  {name.replace('_', ' ')}", left, right


def _cell(values: dict[str, Any], name: str) -> str:
    value, interval = values.get(name), values.get(f"{name}_ci95")
    if not isinstance(value, int | float | str):  # None, or a table such as the errors one by one
        return ""
    said = _figure(value) if isinstance(value, float) else str(value)
    return f"{said} ({_figure(interval[0])} to {_figure(interval[1])})" if interval else said


def _flat(baselines: dict[str, Any]) -> dict[str, Any]:
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


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _console() -> Console:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, _NARROWEST)
    return console
