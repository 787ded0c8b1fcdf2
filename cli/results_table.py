"""Results as a table that fits the terminal; row by row, since there may be very many."""

import sys
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from cli.moments import local, local_short
from cli.printing import LABEL_STYLES, NOTICE, STATE_STYLES
from cli.table import GAP, Column, lines, wide_as
from cli.terminal import in_colour, styled, width
from db.states import FileState

if TYPE_CHECKING:
    from sqlalchemy import Row

_Column = Column["Row[Any]"]
# So many rows decide how much room the file names need beside the reasons.
_LOOKED_AT = 500
# Columns of the terminal for file name and reason, below which others make room.
_AMPLE, _ENOUGH = 36, 24
_STATE = max(map(len, FileState))

_RECEIVED = _Column("received", 19, lambda row: local(row.received_at))
_RECEIVED_SHORT = _Column("received", 11, lambda row: local_short(row.received_at))
_STATES = _Column("state", _STATE, lambda row: row.state, STATE_STYLES)
_LABELS = _Column("label", len("hemorrhage"), lambda row: row.label or "", LABEL_STYLES)
_EITHER = _Column("label", _STATE, lambda row: row.label or row.state, {**STATE_STYLES, **LABEL_STYLES})
_PROBABILITIES = _Column(
    "prob.", 5, lambda row: "" if row.probability is None else f"{row.probability:.3f}", right=True
)


def print_table(rows: "Iterable[Row[Any]]", largest_id: int, note: str = "") -> None:
    """Print rows of the view `results`, of which none has a larger id, and a note below them."""
    rows = iter(rows)
    first = list(islice(rows, _LOOKED_AT))
    columns, below = _fit(first, largest_id)
    colour = in_colour()
    table = lines(columns, chain(first, rows), colour=colour, below=below)
    sys.stdout.writelines(f"{line}\n" for line in table)
    if note:
        sys.stdout.write(f"{note}\n")
    sys.stdout.write(f"{styled(NOTICE, 'dim') if colour else NOTICE}\n")


def _fit(rows: "Sequence[Row[Any]]", largest_id: int) -> "tuple[list[_Column], _Column | None]":
    """The columns, and what stands below each row because it has no room beside the others."""
    number = _Column("id", max(4, len(str(largest_id))), lambda row: str(row.file_id))
    for least, between in (
        (_AMPLE, [_RECEIVED, _STATES, _LABELS]),
        (_ENOUGH, [_RECEIVED_SHORT, _STATES, _LABELS]),
        (0, [_EITHER]),
    ):
        fixed = [number, *between, _PROBABILITIES]
        room = width() - sum(column.width + GAP for column in fixed) - GAP
        if room >= least:
            break
    if room < _ENOUGH:
        file = _Column("file", max(room + GAP, len("file")), _file)
        return [number, file, *between, _PROBABILITIES], Column("", width() - number.width - GAP, _reason)
    longest_file, longest_reason = (
        wide_as("file", map(_file, rows), width()),
        wide_as("reason", map(_reason, rows), width()),
    )
    for_file = min(longest_file, max(room // 2, room - longest_reason))
    file, reason = (
        _Column("file", for_file, _file),
        _Column("reason; model", room - for_file, _reason),
    )
    return [number, file, *between, _PROBABILITIES, reason], None


def _file(row: "Row[Any]") -> str:
    return row.source_name or ""


def _reason(row: "Row[Any]") -> str:
    return "; ".join(filter(None, (row.reason, row.label_reason, row.warnings, row.model_version)))
