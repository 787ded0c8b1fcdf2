"""`headct results`, as a table, CSV or JSON; row by row, since there may be very many."""

import csv
import json
import re
import sys
from collections.abc import Collection, Iterable, Sequence
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
    columns_of,
    figure,
    in_colour,
    lines,
    moments,
    sentences,
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
LABEL_STYLES = {"hemorrhage": "bold red", "uncertain": "bold yellow", "not assessed": "dim"}

_Column = Column["Row[Any]"]
# On a terminal a longer table is of no use; `--limit 0` and the other formats give all.
_TABLE_ROWS = 50
# So many rows decide which columns there are, and how wide.
_LOOKED_AT = 500
# Columns of the terminal for file names, below which model and reader make room.
_ENOUGH = 24
_STATE = max(map(len, FileState))

_RECEIVED, _RECEIVED_SHORT = moments("received", "received_at")
_STATES = _Column("state", _STATE, lambda row: row.state, STATE_STYLES)
_LABELS = _Column("label", len("hemorrhage"), lambda row: row.label or "", LABEL_STYLES)
_EITHER = _Column("label", _STATE, lambda row: row.label or row.state, {**STATE_STYLES, **LABEL_STYLES})
_READERS = _Column("reader", len("hemorrhage"), lambda row: row.reader_label or "")
_PROBABILITIES = _Column("prob.", 5, lambda row: figure(row.probability), right=True)

_FORMULA = r"[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u2060\ufeff]*[-=+@\uff0d\uff1d\uff0b\uff20]"
"""= + - @, or one of them in full width, which a spreadsheet in Japanese takes for the same; before it space,
and what shows as nothing."""
_BEGINS_LIVE = re.compile(rf"{_FORMULA}|[\t\r\n]")
_GOES_ON_LIVE = re.compile(rf"([;|\t\r\n])(?={_FORMULA})")


Label = Annotated[
    Literal["hemorrhage", "normal", "uncertain", "not assessed"] | None,
    typer.Option(help="only this label"),
]
Limit = Annotated[
    int | None,
    typer.Option(min=0, max=BIGINT_MAX, help=f"at most this many, 0 for all (a table: {_TABLE_ROWS})"),
]


def most_rows(limit: int | None, output: Format) -> int:
    """How many rows are shown at most; 0 for all."""
    return limit if limit is not None else (_TABLE_ROWS if output is Format.TABLE else 0)


def results(
    output: Annotated[Format, typer.Option("--format", help="how to print")] = Format.TABLE,
    state: Annotated[FileState | None, typer.Option(help="only files in this state")] = None,
    label: Label = None,
    since: Since = None,
    limit: Limit = None,
    sort: Annotated[
        Literal["time", "probability", "file"],
        typer.Option(help="newest or most probable first, or by file name"),
    ] = "time",
) -> None:
    """Show the results."""
    context = open_migrated()
    shown = most_rows(limit, output)
    wanted = ResultFilter(state=state, label=label, since=parse_since(since), sort=sort, limit=shown)
    found = find(context, wanted)
    if output is Format.TABLE:
        more = found.matching > shown
        note = f"{shown} of {found.matching} shown; --limit 0 shows all." if more else ""
        print_results(found.rows, found.largest_id, note)
    else:
        write_rows(found.rows, output, RESULT_COLUMNS)


def print_results(rows: "Iterable[Row[Any]]", largest_id: int, note: str = "") -> None:
    """Print rows of the view `results`, of which none has a larger id, and a note below them."""
    rows = iter(rows)
    first = list(islice(rows, _LOOKED_AT))
    models = list(dict.fromkeys(row.model_version for row in first if row.model_version))
    columns, below = _fit(first, largest_id, models)
    table = lines(columns, chain(first, rows), colour=in_colour(), below=below)
    sys.stdout.writelines(f"{line}\n" for line in table)
    if len(models) == 1:
        tell(f"Model: {models[0]}.")
    if note:
        tell(note)
    tell(NOTICE, "dim")


def _fit(
    rows: "Sequence[Row[Any]]", largest_id: int, models: Sequence[str]
) -> "tuple[list[_Column], _Column | None]":
    """The columns, and what stands below each row because it has no room beside the others."""
    number = _Column("id", max(4, len(str(largest_id))), lambda row: str(row.file_id))
    more = [_READERS] if any(row.reader_label for row in rows) else []
    if len(models) > 1:
        more.append(_Column("model", wide_as("model", models), lambda row: row.model_version or ""))
    names = wide_as("file", map(_file, rows), width())
    remarks = max(map(columns_of, map(remark, rows)), default=0)
    beside = remarks and GAP + max(remarks, len("remark"))
    # The first choice in which the file names have that room, else the last.
    for room_for_names, room_for_remarks, before, after in (
        (names, beside, [_RECEIVED, _STATES, _LABELS], more),
        (names, beside, [_RECEIVED_SHORT, _STATES, _LABELS], more),
        (names, 0, [_RECEIVED, _STATES, _LABELS], more),
        (names, 0, [_RECEIVED_SHORT, _STATES, _LABELS], more),
        (min(names, _ENOUGH), 0, [_EITHER], more),
        (len("file"), 0, [_EITHER], []),
    ):
        columns = [number, *before, _PROBABILITIES, *after]
        room = width() - taken(columns) - GAP - room_for_remarks
        if room >= room_for_names:
            break
    columns.insert(1, _Column("file", max(len("file"), min(names, room)), _file, cut=True))
    known = {column.name for column in columns} | set(models if len(models) == 1 else ())
    if room_for_remarks:
        column = _Column("remark", width() - taken(columns) - GAP, lambda row: remark(row, known))
        return [*columns, column], None
    return columns, _Column("", width() - number.width - GAP, lambda row: remark(row, known))


def _file(row: "Row[Any]") -> str:
    """Its name, and which further image of it, if it is one."""
    return f"{row.source_name or ''}{f' [{row.frame}]' if row.frame else ''}"


def remark(row: "Row[Any]", known: Collection[str] | None = None) -> str:
    """Why the label or the rejection, and warnings; then what is not `known` from elsewhere in the table."""
    told = [row.reason, row.label_reason, row.warnings]
    if known is not None and row.reader_label and "reader" not in known:
        told.append(f"A reader says {row.reader_label}")
    if known is not None and row.model_version and not {"model", row.model_version} & {*known}:
        told.append(f"Model: {row.model_version}")
    return sentences(told)


def write_rows(rows: Iterable[Sequence[Any]], output: Format, columns: Sequence[str]) -> None:
    """Write rows of a view or table, which has these columns, as CSV or JSON, one by one."""
    if output is Format.CSV:
        # Given "\n" alone, a cell with a carriage return would not be quoted, and would begin a new line.
        lines = SimpleNamespace(write=lambda line: sys.stdout.write(f"{line[:-2]}\n"))
        writer = csv.writer(lines, lineterminator="\r\n")
        writer.writerow((*columns, "notice"))
        # A program reads what a pipe gets, a person what a terminal shows.
        shown = printable if sys.stdout.isatty() else str
        for row in rows:
            cells = (*_plain(row), NOTICE)
            writer.writerow([shown(inert(one)) if isinstance(one, str) else one for one in cells])
        return
    before = "["
    for row in rows:
        members = json.dumps(dict(zip(columns, _plain(row), strict=True)), indent=1)
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


def _plain(row: Sequence[Any]) -> list[Any]:
    return [value.isoformat() if isinstance(value, datetime) else value for value in row]
