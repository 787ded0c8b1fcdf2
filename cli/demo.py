"""`headct demo`: the whole system under a temporary home, on a few images, for a first look."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.printing import (
    GAP,
    NOTICE,
    Column,
    as_wide,
    counted,
    figure,
    print_rows,
    say,
    taken,
    tell,
    width,
)
from cli.results import LABEL_STYLES, STATE_STYLES, remark

if TYPE_CHECKING:
    from sqlalchemy import Row

_WRONG = " (wrong)"
_GO_ON = """
Go on with:
  make up                                run it for good: inbox, page in the browser, data under ./var
  .venv/bin/headct submit FOLDER --wait  classify a folder of your images
  .venv/bin/headct results               what became of every image; --help for filters, CSV and JSON"""


def demo(
    images: Annotated[
        Path | None,
        typer.Option(help="folder of images, with a labels.csv if there is one; default: synthetic images"),
    ] = None,
) -> None:
    """Classify a few images under a temporary home, for a first look.

    Starts everything, shows the results, stops everything.
    """
    from cli.progress import progress
    from services.demo import demonstrate

    with progress("Starting") as told:
        done = demonstrate(images, told)
    truth = done.truth
    if isinstance(truth, Exception):
        say(f"Without the truth: {truth}", err=True)
        truth = {}
    _print_results(done.rows, truth)
    count = len(done.rows)
    say(
        f"{counted(count, 'image')} in {done.seconds:.1f} s: {count / done.seconds:.0f} images/s, "
        "drop to result."
    )
    say(f"Flower was at {done.flower}; everything is stopped again.")
    say(_GO_ON)
    tell(NOTICE, "dim")


def _print_results(rows: "Sequence[Row[Any]]", truth: Mapping[str, str]) -> None:
    from models.labels import CLASSES

    def true(row: "Row[Any]") -> str:
        label = truth.get(row.source_name, "")
        return label + _WRONG if label and row.label in CLASSES and label != row.label else label

    columns = [
        Column["Row[Any]"]("label", len("hemorrhage"), lambda row: row.label or "", LABEL_STYLES),
        Column["Row[Any]"]("probability", len("probability"), lambda row: figure(row.probability)),
        replace(as_wide("state", rows, lambda row: row.state), styles=STATE_STYLES),
    ]
    if truth:
        columns.append(
            replace(as_wide("truth", rows, true), styles={label + _WRONG: "red" for label in CLASSES})
        )
    names = as_wide("file", rows, lambda row: row.source_name)
    choices = []
    for some in (columns, [columns[0], *columns[3:]]):
        room = max(len("file"), min(names.width, width() - taken(some) - GAP))
        choices.append([replace(names, width=room, cut=True), *some])
    print_rows(choices, rows, as_wide("remark", rows, remark))
    judged = [row for row in rows if row.label and row.source_name in truth]
    if judged:
        right = sum(row.label == truth[row.source_name] for row in judged)
        unsaid = sum(row.label not in CLASSES for row in judged)
        tell(
            f"{right} of {len(judged)} as labelled, {len(judged) - right - unsaid} otherwise, "
            f"{unsaid} uncertain or not assessed. This does not tell how good the network is: it may have "
            "learnt from these very images."
        )
