"""Rows as table, JSON or CSV; colour only on a terminal."""

import csv
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row

from cli.moments import local
from db.results import RESULT_COLUMNS

if TYPE_CHECKING:
    from rich.text import Text

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


def print_results(rows: Sequence[Row[Any]], output: Format, matching: int) -> None:
    """Print rows of the view `results`; `matching` is how many there are in all."""
    if output is Format.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow((*RESULT_COLUMNS, "notice"))
        writer.writerows((*_plain(row), NOTICE) for row in rows)
    elif output is Format.JSON:
        json.dump([dict(zip(RESULT_COLUMNS, _plain(row), strict=True)) for row in rows], sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        _print_table(rows, matching)


def _plain(row: Row[Any]) -> list[Any]:
    return [value.isoformat() if isinstance(value, datetime) else value for value in row]


def _print_table(rows: Sequence[Row[Any]], matching: int) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, 200)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("scan", "file", "received", "state", "label"):
        table.add_column(name, overflow="fold" if name == "file" else "ellipsis", no_wrap=name != "file")
    table.add_column("prob.", justify="right", no_wrap=True)
    table.add_column("reason; model", overflow="fold")
    for row in rows:
        table.add_row(
            str(row.scan_id),
            Text(row.source_name or ""),
            local(row.received_at),
            Text(row.state, STATE_STYLES.get(row.state, "")),
            Text(row.label or "", LABEL_STYLES.get(row.label, "")),
            "" if row.probability is None else f"{row.probability:.3f}",
            Text("; ".join(filter(None, (row.reason, row.label_reason, row.model_version)))),
        )
    console.print(table)
    if len(rows) < matching:
        console.print(f"{len(rows)} of {matching} shown; --limit 0 shows all.")
    console.print(NOTICE, style="dim")


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
        ("attempts", str(scan.attempts)),
        ("received", local(scan.received_at)),
        ("finished", local(scan.finished_at)),
    ):
        facts.add_row(name, Text(value))
    came = Table("arrived", "file", box=None, header_style="bold", pad_edge=False)
    for arrival in arrivals:
        came.add_row(local(arrival.arrived_at), Text(arrival.source_name))
    said = Table.grid(padding=(0, 2))
    said.add_column(no_wrap=True)
    for _ in predictions:
        said.add_column(overflow="fold")
    for name, column in _STAMPED.items():
        said.add_row(Text(name, "bold"), *(_stamped(getattr(one, column)) for one in predictions))
    read = Table("read", "label", "reader", "note", box=None, header_style="bold", pad_edge=False)
    for reading in readings:
        read.add_row(local(reading.read_at), reading.label, Text(reading.reader), Text(reading.note or ""))
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
