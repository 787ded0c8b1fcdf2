"""Results as CSV or JSON, and one scan as tables; colour only on a terminal."""

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from cli.moments import local
from cli.terminal import printable
from db.results import RESULT_COLUMNS

if TYPE_CHECKING:
    from rich.text import Text
    from sqlalchemy import Row

    from db.tables import (  # bring the mapper, which `headct results` does without
        Arrival,
        Prediction,
        Reading,
        Scan,
    )


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


STATE_STYLES = {"classified": "green", "rejected": "yellow", "quarantined": "red"}
LABEL_STYLES = {"hemorrhage": "bold red", "uncertain": "bold yellow"}
NOTICE = "Research use only: not a medical device."


def write_rows(rows: "Iterable[Row[Any]]", output: Format) -> None:
    """Write rows of the view `results` as CSV or JSON, one by one."""
    if output is Format.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow((*RESULT_COLUMNS, "notice"))
        # A program reads what a pipe gets, a person what a terminal shows.
        shown = printable if sys.stdout.isatty() else str
        for row in rows:
            writer.writerow([shown(one) if isinstance(one, str) else one for one in (*_plain(row), NOTICE)])
        return
    before = "["
    for row in rows:
        members = json.dumps(dict(zip(RESULT_COLUMNS, _plain(row), strict=True)), indent=1)
        sys.stdout.write(f"{before}\n {members.replace(chr(10), chr(10) + ' ')}")
        before = ","
    sys.stdout.write("[]\n" if before == "[" else "\n]\n")


def _plain(row: "Row[Any]") -> list[Any]:
    return [value.isoformat() if isinstance(value, datetime) else value for value in row]


_STAMPED = {
    "classified": "classified_at",
    "label": "label",
    "why": "label_reason",
    "probability": "probability",
    "threshold": "threshold",
    "uncertain from": "uncertain_low",
    "uncertain below": "uncertain_high",
    "temperature": "temperature",
    "distance": "domain_distance",
    "greatest distance": "domain_limit",
    "model": "model_version",
    "weights": "weights_sha256",
    "preprocessing": "preprocessing_version",
}
"""What stands on every result, and the column that holds it."""


def print_scan(
    scan: "Scan",
    arrivals: "Sequence[Arrival]",
    predictions: "Sequence[Prediction]",
    readings: "Sequence[Reading]",
) -> None:
    """Print all that is known of one scan."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    facts = Table.grid(padding=(0, 2))
    for name, value in (
        ("scan", str(scan.id)),
        ("sha256", scan.sha256),
        ("size", f"{scan.size_bytes:,} bytes"),
        ("state", scan.state),
        ("reason", scan.reason or ""),
        ("warnings", scan.warnings or ""),
        ("attempts", str(scan.attempts)),
        ("received", local(scan.received_at)),
        ("finished", local(scan.finished_at)),
    ):
        facts.add_row(name, Text(value))
    came = Table("arrived", "file", box=None, header_style="bold", pad_edge=False)
    for arrival in arrivals:
        came.add_row(local(arrival.arrived_at), Text(printable(arrival.source_name)))
    said = Table.grid(padding=(0, 2))
    said.add_column(no_wrap=True)
    for _ in predictions:
        said.add_column(overflow="fold")
    for name, column in _STAMPED.items():
        said.add_row(Text(name, "bold"), *(_stamped(getattr(one, column)) for one in predictions))
    read = Table("read", "label", "reader", "note", box=None, header_style="bold", pad_edge=False)
    for reading in readings:
        read.add_row(
            local(reading.read_at),
            reading.label,
            Text(printable(reading.reader)),
            Text(printable(reading.note or "")),
        )
    console = Console()
    parts = [facts, "", came, "", said if predictions else "No result yet."]
    for part in (*parts, *(["", read] if readings else []), NOTICE):
        console.print(part)


def _stamped(value: datetime | float | str | None) -> "Text":
    from rich.text import Text

    if isinstance(value, datetime):
        return Text(local(value))
    if isinstance(value, float):
        return Text(f"{value:.4f}")
    return Text(value or "", LABEL_STYLES.get(value or "", ""))
