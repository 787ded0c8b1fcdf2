"""`headct demo`: the whole system under a temporary home, on a few images, for a first look."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.printing import NOTICE, figure, print_table, say, tell
from cli.results import LABEL_STYLES, STATE_STYLES

if TYPE_CHECKING:
    from sqlalchemy import Row

_WRONG = " (wrong)"
_GO_ON = """
Go on with:
  make up                                run it for good: inbox, database and logs under ./var
  .venv/bin/headct submit FOLDER --wait  classify a folder of your images
  .venv/bin/headct results               what became of every image; --help for filters, CSV and JSON"""


def demo(
    images: Annotated[
        Path | None,
        typer.Option(help="folder of images, with a labels.csv if there is one; default: synthetic images"),
    ] = None,
) -> None:
    """Start everything under a temporary home, classify a few images, show the results, stop everything."""
    from cli.progress import progress
    from services.demo import demonstrate

    with progress("Starting") as told:
        done = demonstrate(images, told)
    truth = done.truth
    if isinstance(truth, Exception):
        say(f"Without the truth: {truth}", err=True)
        truth = {}
    _print_results(done.rows, truth)
    count, (address, user, password) = len(done.rows), done.flower
    say(f"{count} images in {done.seconds:.1f} s: {count / done.seconds:.0f} images/s, drop to result.")
    say(f"Flower was at {address} (user {user}, password {password}); everything is stopped again.")
    say(_GO_ON)
    tell(NOTICE, "dim")


def _print_results(rows: "Sequence[Row[Any]]", truth: Mapping[str, str]) -> None:
    from models.card import CLASSES, UNCERTAIN

    def true(row: "Row[Any]") -> str:
        label = truth.get(row.source_name, "")
        return label + _WRONG if label and row.label in CLASSES and label != row.label else label

    print_table(
        ["file", "label", "probability", "state", "truth"],
        [(row.source_name, row.label or "", figure(row.probability), row.state, true(row)) for row in rows],
        STATE_STYLES | LABEL_STYLES | {label + _WRONG: "red" for label in CLASSES},
    )
    judged = [row for row in rows if row.label and row.source_name in truth]
    if judged:
        right = sum(row.label == truth[row.source_name] for row in judged)
        uncertain = sum(row.label == UNCERTAIN for row in judged)
        tell(
            f"{right} of {len(judged)} as labelled, {uncertain} uncertain. "
            "These images may have been in training: no accuracy."
        )
