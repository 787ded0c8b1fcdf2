"""Model versions as tables."""

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.moments import local, local_short
from cli.printing import NOTICE
from cli.table import Column, fitting, lines, print_rows, wide_as
from cli.terminal import in_colour, width
from core.printable import printable
from db.tables import Promotion
from models.card import ModelCard
from models.store import DamagedModel

_DAMAGED = "damaged"
_NARROWEST = 120
"""Columns where the output is no terminal."""


_Version = Column[ModelCard | DamagedModel]
_History = Column[Promotion]


def print_versions(versions: Sequence[ModelCard | DamagedModel], in_use: str) -> None:
    """A line a version; a star marks the one in use."""
    names = [one.version for one in versions]
    version = _Version("version", wide_as("version", names), lambda one: one.version)
    mark = _Version("", 1, lambda one: "*" if one.version == in_use else "")
    auc = _Version("AUC", len(_DAMAGED), lambda one: _of_card(one, "auc", _DAMAGED), {_DAMAGED: "red"})
    accuracy = _Version("accuracy", 8, lambda one: _of_card(one, "accuracy"))
    threshold = _Version("threshold", 9, _threshold)
    made = _Version("created", 19, lambda one: _created(one)[:19])
    day = _Version("created", 10, lambda one: _created(one)[:10])
    choices = (
        [mark, version, made, auc, accuracy, threshold],
        [mark, version, day, auc, accuracy, threshold],
        [mark, version, auc, accuracy],
        [mark, version, auc],
    )
    columns = fitting(choices, width())
    sys.stdout.writelines(f"{line}\n" for line in lines(columns, versions, colour=in_colour()))
    console = _console()
    for model in versions:
        if isinstance(model, DamagedModel):
            problem = printable(f"{model.version} is damaged. {model.problem}")
            console.print(problem, style="red", markup=False)
    console.print(
        "* classifies. Figures of different data do not compare; `headct models compare A B` tells."
    )


def _of_card(model: ModelCard | DamagedModel, figure: str, damaged: str = "") -> str:
    return damaged if isinstance(model, DamagedModel) else _figure(model.metrics.get(figure))


def _threshold(model: ModelCard | DamagedModel) -> str:
    return "" if isinstance(model, DamagedModel) else _figure(model.operating_point.threshold)


def _created(model: ModelCard | DamagedModel) -> str:
    return "" if isinstance(model, DamagedModel) else model.created_at


def print_history(promotions: Sequence[Promotion]) -> None:
    """A line a change, as they are given, and why below it where there is no room beside."""
    if not promotions:
        sys.stdout.write("No change yet: the version that ships with headct has been in use all along.\n")
        return
    when = _History("when", 19, lambda one: local(one.promoted_at))
    day = _History("when", 11, lambda one: local_short(one.promoted_at))
    version, replaced = (
        _History(name, wide_as(name, map(shows, promotions)), shows)
        for name, shows in (
            ("version", lambda one: one.model_version),
            ("instead of", lambda one: one.replaced_version),
        )
    )
    by = _History("by", wide_as("by", (one.decided_by for one in promotions), 16), lambda one: one.decided_by)
    choices = (
        [when, version, replaced, by],
        [day, version, replaced, by],
        [day, version, by],
        [day, version],
    )
    print_rows(fitting(choices, width()), promotions, _History("why", 36, _why))


def _why(promotion: Promotion) -> str:
    return (promotion.evidence or {}).get("rule", "") if promotion.cause == "gate" else promotion.cause


def print_comparison(a: ModelCard, b: ModelCard) -> None:
    """Both cards side by side, and whether their figures compare."""
    table = Table(box=None, header_style="bold")
    for title in ("", a.version, b.version):
        table.add_column(Text(printable(title)), overflow="fold")
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
