"""`headct results`, as a table, CSV or JSON; row by row, since there may be very many."""

import csv
import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import chain, islice
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.arguments import BIGINT_MAX, Since, parse_since
from cli.printing import (
    GAP,
    NOTICE,
    Column,
    figure,
    in_colour,
    lines,
    moments,
    taken,
    tell,
    wide_as,
    width,
)
from core.printable import printable
from db.results import RESULT_COLUMNS, ResultFilter
from db.states import FileState
from services.context import open_migrated
from services.results import find

if TYPE_CHECKING:
    from sqlalchemy import Row


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


STATE_STYLES = {"classified": "green", "rejected": "yellow", "quarantined": "red"}
LABEL_STYLES = {"hemorrhage": "bold red", "uncertain": "bold yellow"}

_Column = Column["Row[Any]"]
# On a terminal a longer table is of no use; `--limit 0` and the other formats give all.
_TABLE_ROWS = 50
# So many rows decide how much room the file names need beside the reasons.
_LOOKED_AT = 500
# Columns of the terminal for file name and reason, below which others make room.
_AMPLE, _ENOUGH = 36, 24
_STATE = max(map(len, FileState))

_RECEIVED, _RECEIVED_SHORT = moments("received", "received_at")
_STATES = _Column("state", _STATE, lambda row: row.state, STATE_STYLES)
_LABELS = _Column("label", len("hemorrhage"), lambda row: row.label or "", LABEL_STYLES)
_EITHER = _Column("label", _STATE, lambda row: row.label or row.state, {**STATE_STYLES, **LABEL_STYLES})
_PROBABILITIES = _Column("prob.", 5, lambda row: figure(row.probability), right=True)

_FORMULA = r"[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u2060\ufeff]*[-=+@\uff0d\uff1d\uff0b\uff20]"
"""= + - @, or one of them in full width, which a spreadsheet in Japanese takes for the same; before it space,
and what shows as nothing."""
_BEGINS_LIVE = re.compile(rf"{_FORMULA}|[\t\r\n]")
_GOES_ON_LIVE = re.compile(rf"([;|\t\r\n])(?={_FORMULA})")


def results(
    output: Annotated[Format, typer.Option("--format", help="how to print")] = Format.TABLE,
    state: Annotated[FileState | None, typer.Option(help="only files in this state")] = None,
    label: Annotated[
        Literal["hemorrhage", "normal", "uncertain"] | None, typer.Option(help="only this label")
    ] = None,
    since: Since = None,
    limit: Annotated[
        int | None,
        typer.Option(min=0, max=BIGINT_MAX, help=f"at most this many, 0 for all (a table: {_TABLE_ROWS})"),
    ] = None,
    sort: Annotated[
        Literal["time", "probability"], typer.Option(help="newest or most probable first")
    ] = "time",
) -> None:
    """Show the results."""
    context = open_migrated()
    shown = limit if limit is not None else (_TABLE_ROWS if output is Format.TABLE else 0)
    wanted = ResultFilter(state=state, label=label, since=parse_since(since), sort=sort, limit=shown)
    found = find(context, wanted)
    if output is Format.TABLE:
        more = found.matching > shown
        note = f"{shown} of {found.matching} shown; --limit 0 shows all." if more else ""
        print_results(found.rows, found.largest_id, note)
    else:
        write_rows(found.rows, output)


def print_results(rows: "Iterable[Row[Any]]", largest_id: int, note: str = "") -> None:
    """Print rows of the view `results`, of which none has a larger id, and a note below them."""
    rows = iter(rows)
    first = list(islice(rows, _LOOKED_AT))
    columns, below = _fit(first, largest_id)
    table = lines(columns, chain(first, rows), colour=in_colour(), below=below)
    sys.stdout.writelines(f"{line}\n" for line in table)
    if note:
        tell(note)
    tell(NOTICE, "dim")


def _fit(rows: "Sequence[Row[Any]]", largest_id: int) -> "tuple[list[_Column], _Column | None]":
    """The columns, and what stands below each row because it has no room beside the others."""
    number = _Column("id", max(4, len(str(largest_id))), lambda row: str(row.file_id))
    for least, between in (
        (_AMPLE, [_RECEIVED, _STATES, _LABELS]),
        (_ENOUGH, [_RECEIVED_SHORT, _STATES, _LABELS]),
        (0, [_EITHER]),
    ):
        fixed = [number, *between, _PROBABILITIES]
        room = width() - taken(fixed) - 2 * GAP
        if room >= least:
            break
    if room < _ENOUGH:
        file = _Column("file", max(room + GAP, len("file")), _file)
        return [number, file, *between, _PROBABILITIES], Column("", width() - number.width - GAP, _reason)
    longest = wide_as("reason", map(_reason, rows), width())
    for_file = min(wide_as("file", map(_file, rows), width()), max(room // 2, room - longest))
    file, reason = _Column("file", for_file, _file), _Column("reason; model", room - for_file, _reason)
    return [number, file, *between, _PROBABILITIES, reason], None


def _file(row: "Row[Any]") -> str:
    return row.source_name or ""


def _reason(row: "Row[Any]") -> str:
    return "; ".join(filter(None, (row.reason, row.label_reason, row.warnings, row.model_version)))


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
