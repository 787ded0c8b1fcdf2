"""The labelled images as a table."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cli.terminal import say
from core.printable import printable
from db.states import Split
from models.card import CLASSES

if TYPE_CHECKING:
    from db.tables import LabelledImage


def print_dataset(images: "Sequence[LabelledImage]") -> None:
    """Print how many images and groups there are by split and label, and what is odd about the groups."""
    from rich.console import Console
    from rich.table import Table

    table = Table("", *CLASSES, "all", box=None, header_style="bold", pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    chosen = [
        [image for image in images if image.label in labels]
        for labels in (*([label] for label in CLASSES), CLASSES)
    ]
    table.add_row("groups", *(str(len({image.patient_group for image in some})) for some in chosen))
    table.add_row("images", *(str(len(some)) for some in chosen))
    for split in Split:
        table.add_row(f"  {split}", *(str(sum(image.split == split for image in some)) for some in chosen))
    Console().print(table)
    mixed = _groups_of_both(images)
    if mixed:
        typer.echo(f"{mixed} of the groups have slices of both labels, so they count in both rows.")


def print_files(problem: str, files: Sequence[tuple[Path, str]]) -> None:
    """Print on standard error which files are not in the training data, and why."""
    for path, reason in files:
        say(f"headct: {problem}: {printable(str(path))}: {reason}", err=True)


def _groups_of_both(images: "Sequence[LabelledImage]") -> int:
    labels: dict[str, set[str]] = defaultdict(set)
    for image in images:
        labels[image.patient_group].add(image.label)
    return sum(len(found) > 1 for found in labels.values())
