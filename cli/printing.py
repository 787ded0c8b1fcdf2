"""Results as CSV or JSON, and one file as tables; colour only on a terminal."""

import csv
import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from cli.advice import advice_on
from cli.moments import local
from core.printable import printable
from db.results import RESULT_COLUMNS

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text
    from sqlalchemy import Row

    from db.tables import (  # bring the mapper, which `headct results` does without
        Arrival,
        File,
        Prediction,
        Reading,
    )


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


STATE_STYLES = {"classified": "green", "rejected": "yellow", "quarantined": "red"}
LABEL_STYLES = {"hemorrhage": "bold red", "uncertain": "bold yellow"}
_FORMULA = r"[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u2060\ufeff]*[-=+@\uff0d\uff1d\uff0b\uff20]"
"""= + - @, or one of them in full width, which a spreadsheet in Japanese takes for the same; before it space,
and what shows as nothing."""
_BEGINS_LIVE = re.compile(rf"{_FORMULA}|[\t\r\n]")
_GOES_ON_LIVE = re.compile(rf"([;|\t\r\n])(?={_FORMULA})")
NOTICE = "Research use only: not a medical device."


def write_rows(rows: "Iterable[Row[Any]]", output: Format) -> None:
    """Write rows of the view `results` as CSV or JSON, one by one."""
    if output is Format.CSV:
        # Given "\n" alone, a cell with a carriage return would not be quoted, and would begin a new line.
        lines = SimpleNamespace(write=lambda line: sys.stdout.write(f"{line[:-2]}\n"))
        writer = csv.writer(lines, lineterminator="\r\n")
        writer.writerow((*RESULT_COLUMNS, "notice"))
        # A program reads what a pipe gets, a person what a terminal shows.
        shown = printable if sys.stdout.isatty() else str
        for row in rows:
            cells = (*_plain(row), NOTICE)
            writer.writerow([shown(inert(one)) if isinstance(one, str) else one for one in cells])
        return
    before = "["
    for row in rows:
        members = json.dumps(dict(zip(RESULT_COLUMNS, _plain(row), strict=True)), indent=1)
        sys.stdout.write(f"{before}\n {members.replace(chr(10), chr(10) + ' ')}")
        before = ","
    sys.stdout.write("[]\n" if before == "[" else "\n]\n")


def inert(text: str) -> str:
    """The text of a CSV cell, with a `'` before what a spreadsheet would compute (OWASP, "CSV Injection").

    That is at its beginning, and after each character at which a spreadsheet may be set to divide a line.
    """
    if ";" in text or "|" in text or not text.isprintable():  # the expression alone takes ten times as long
        text = _GOES_ON_LIVE.sub(r"\1'", text)
    return f"'{text}" if _BEGINS_LIVE.match(text) else text


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
_NAMES, _RESULT = 19, 22
"""Columns of the terminal for these names, and at least for a result beside others."""


def print_file(
    file: "File",
    arrivals: "Sequence[Arrival]",
    predictions: "Sequence[Prediction]",
    readings: "Sequence[Reading]",
    shown: str | None,
) -> None:
    """Print all that is known of one file; `shown` is the version whose result stands in `results`."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    facts, came = Table.grid(padding=(0, 2)), Table(box=None, header_style="bold", pad_edge=False)
    facts.add_column(no_wrap=True)
    facts.add_column(overflow="fold")
    came.add_column("arrived", no_wrap=True)
    came.add_column("file", overflow="fold")
    for name, value in (
        ("id", str(file.id)),
        ("sha256", file.sha256),
        ("size", f"{file.size_bytes:,} bytes"),
        ("state", file.state),
        ("reason", f"{file.reason or ''} ({file.reason_code})" if file.reason_code else file.reason or ""),
        ("what to do", advice_on(file.reason_code) or ""),
        ("warnings", file.warnings or ""),
        ("attempts", str(file.attempts)),
        ("received", local(file.received_at)),
        ("finished", local(file.finished_at)),
    ):
        facts.add_row(name, Text(printable(value)))
    for arrival in arrivals:
        came.add_row(local(arrival.arrived_at), Text(printable(arrival.source_name)))
    read = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("read", "label", "reader", "note"):
        read.add_column(title, overflow="fold")
    for reading in readings:
        read.add_row(
            local(reading.read_at),
            reading.label,
            Text(printable(reading.reader)),
            Text(printable(reading.note or "")),
        )
    console = Console()
    beside = max(1, (console.width - _NAMES) // _RESULT)
    said = [
        _results(predictions[start : start + beside], shown) for start in range(0, len(predictions), beside)
    ]
    for part in (facts, came, *said, *([] if said else ["No result yet."]), *([read] if readings else [])):
        console.print(part)
        console.print()
    console.print(NOTICE)


def _results(predictions: "Sequence[Prediction]", shown: str | None) -> "Table":
    """Results beside each other."""
    from rich.table import Table
    from rich.text import Text

    said = Table.grid(padding=(0, 2))
    said.add_column(no_wrap=True)
    for _ in predictions:
        said.add_column(overflow="fold")
    said.add_row("", *("stands in `results`" if one.model_version == shown else "" for one in predictions))
    for name, column in _STAMPED.items():
        said.add_row(Text(name, "bold"), *(_stamped(getattr(one, column)) for one in predictions))
    return said


def _stamped(value: datetime | float | str | None) -> "Text":
    from rich.text import Text

    if isinstance(value, datetime):
        return Text(local(value))
    if isinstance(value, float):
        return Text(f"{value:.4f}")
    return Text(printable(value or ""), LABEL_STYLES.get(value or "", ""))
