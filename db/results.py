"""The view `results`, read without the mapper, whose import takes longer than the query."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Row,
    Select,
    column,
    func,
    select,
    table,
)

from core.name_order import by_name
from db.engine import batches
from db.types import UtcDateTime

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    Reader = Connection | Session

RESULT_COLUMNS = (
    "file_id",
    "image_id",
    "frame",
    "sha256",
    "source_name",
    "received_at",
    "state",
    "reason_code",
    "reason",
    "label",
    "label_code",
    "label_reason",
    "probability",
    "threshold",
    "model_version",
    "classified_at",
    "reader_label",
    "warnings",
)
_MOMENTS = {"received_at", "classified_at"}
RESULTS = table(
    "results", *(column(name, UtcDateTime() if name in _MOMENTS else None) for name in RESULT_COLUMNS)
)
_FILES = table("file", column("id", Integer()))
_FRAME = func.coalesce(RESULTS.c.frame, 0)
"""A file has no image before it is classified."""


@dataclass(frozen=True)
class ResultFilter:
    """Which results, in which order; `limit` 0 means all."""

    state: str | None = None
    label: str | None = None
    since: datetime | None = None
    sort: Literal["time", "probability", "file"] = "time"
    limit: int = 0


def results(database: "Reader", wanted: ResultFilter) -> Sequence[Row[Any]]:
    """Rows of the view `results`: newest or most probable first, or in the natural order of file names."""
    return _found(database, select(RESULTS), wanted)


def each_result(engine: Engine, wanted: ResultFilter, *, batch: int = 1000) -> Iterator[Row[Any]]:
    """As `results`, but read so many at a time as they are asked for, each in a transaction of its own.

    So nothing is held open while somebody reads slowly. Which images, and in which order, is decided at once;
    each batch tells how they are when it is read, and leaves out what the filter does not fit any more.
    """
    with read_connection(engine) as connection:
        names = [RESULTS.c.source_name] if wanted.sort == "file" else []
        keys = _found(connection, select(RESULTS.c.file_id, _FRAME, *names), wanted)
    return _rows(engine, keys, wanted, batch)


def _rows(engine: Engine, keys: Sequence[Row[Any]], wanted: ResultFilter, batch: int) -> Iterator[Row[Any]]:
    for start in range(0, len(keys), batch):
        some = [tuple(key)[:2] for key in keys[start : start + batch]]
        files = {file_id for file_id, *_ in some}
        query = select(RESULTS).where(RESULTS.c.file_id.in_(files), *_conditions(wanted))
        with read_connection(engine) as connection:
            found = {(row.file_id, row.frame or 0): row for row in connection.execute(query)}
        yield from (found[key] for key in some if key in found)


def _found(database: "Reader", query: Select[Any], wanted: ResultFilter) -> Sequence[Row[Any]]:
    query = query.where(*_conditions(wanted))
    if wanted.sort == "probability":
        query = query.order_by(RESULTS.c.probability.desc())
    query = query.order_by(RESULTS.c.file_id.desc(), _FRAME)
    if wanted.sort == "file":  # no database knows this order
        rows = sorted(database.execute(query), key=lambda row: by_name(row.source_name or ""))
        return rows[: wanted.limit or None]
    return database.execute(query.limit(wanted.limit) if wanted.limit else query).all()


def read_connection(engine: Engine) -> Connection:
    """A connection for SELECTs only: it never waits for a writer."""
    return engine.execution_options(read_only=True).connect()


def largest_id(database: "Reader") -> int:
    """The largest id that a row can have."""
    return database.scalar(select(func.max(_FILES.c.id))) or 0


def count_results(database: "Reader", wanted: ResultFilter) -> int:
    """How many rows there are without the limit."""
    return database.scalar(select(func.count()).select_from(RESULTS).where(*_conditions(wanted))) or 0


def _conditions(wanted: ResultFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.state:
        yield RESULTS.c.state == wanted.state
    if wanted.label:
        yield RESULTS.c.label == wanted.label
    if wanted.since:
        yield RESULTS.c.received_at >= wanted.since
    if wanted.sort == "probability":
        yield RESULTS.c.probability.is_not(None)


def results_of(database: "Reader", file_ids: Sequence[int]) -> Sequence[Row[Any]]:
    """Rows of the view `results` for these files, in the order of arrival."""
    return [
        row
        for batch in batches(sorted(file_ids))
        for row in database.execute(
            select(RESULTS).where(RESULTS.c.file_id.in_(batch)).order_by(RESULTS.c.file_id, _FRAME)
        )
    ]


def image_rows(database: "Reader", image_ids: Sequence[int]) -> Sequence[Row[Any]]:
    """Rows of the view `results` for these images, in no order."""
    return _rows_with(database, RESULTS.c.image_id, image_ids)


def results_of_hashes(database: "Reader", hashes: Sequence[str]) -> Sequence[Row[Any]]:
    """Rows of the view `results` for files with those SHA-256, in no order."""
    return _rows_with(database, RESULTS.c.sha256, hashes)


def _rows_with(database: "Reader", by: ColumnElement[Any], values: Sequence[Any]) -> Sequence[Row[Any]]:
    return [
        row for batch in batches(values) for row in database.execute(select(RESULTS).where(by.in_(batch)))
    ]
