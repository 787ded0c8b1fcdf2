"""The view `studies`, in the order in which studies should be read; without the mapper, as `db.results`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, case, column, func, select, table

from db.types import UtcDateTime

STUDY_COLUMNS = (
    *("study_id", "study_uid", "name", "accession_number", "study_time", "received_at", "priority", "state"),
    *("label", "label_code", "label_reason", "probability", "threshold", "rule", "model_version"),
    *("images_expected", "images_received", "images_assessed", "images_uncertain", "finalised_at"),
    *("reader_label", "warnings"),
)
_MOMENTS = {"received_at", "finalised_at"}
_STUDIES = table(
    "studies", *(column(name, UtcDateTime() if name in _MOMENTS else None) for name in STUDY_COLUMNS)
)
_URGENCY = ("hemorrhage", "uncertain", "not assessed")
"""Labels in the order in which they want a reader; then what has none yet, then `normal`."""


@dataclass(frozen=True)
class StudyFilter:
    """Which studies, in which order; `limit` 0 means all."""

    state: str | None = None
    label: str | None = None
    since: datetime | None = None
    sort: Literal["urgency", "time", "probability"] = "urgency"
    limit: int = 0


def worklist(connection: Connection, wanted: StudyFilter) -> Sequence[Row[Any]]:
    """Rows of the view `studies`: the most urgent, the newest or the most probable first."""
    query = select(_STUDIES).where(*_conditions(wanted)).order_by(*_order(wanted))
    return connection.execute(query.limit(wanted.limit) if wanted.limit else query).all()


def study_row(connection: Connection, study_id: int) -> Row[Any]:
    """The row of one study."""
    return connection.execute(select(_STUDIES).where(_STUDIES.c.study_id == study_id)).one()


def count_studies(connection: Connection, wanted: StudyFilter) -> int:
    """How many rows there are without the limit."""
    return connection.scalar(select(func.count()).select_from(_STUDIES).where(*_conditions(wanted))) or 0


def _conditions(wanted: StudyFilter) -> Iterator[ColumnElement[bool]]:
    yield _STUDIES.c.images_received > 0  # else it is a name for DICOM files, which are in other studies
    if wanted.state:
        yield _STUDIES.c.state == wanted.state
    if wanted.label:
        yield _STUDIES.c.label == wanted.label
    if wanted.since:
        yield _STUDIES.c.received_at >= wanted.since
    if wanted.sort == "probability":
        yield _STUDIES.c.probability.is_not(None)


def _order(wanted: StudyFilter) -> Iterator[Any]:
    columns = _STUDIES.c
    if wanted.sort == "urgency":
        ranks = {label: rank for rank, label in enumerate(_URGENCY)} | {"normal": len(_URGENCY) + 1}
        yield case((columns.reader_label.is_(None), 0), else_=1)
        yield case((columns.priority == "stat", 0), else_=1)
        yield case(ranks, value=columns.label, else_=len(_URGENCY))
    if wanted.sort != "time":
        yield func.coalesce(columns.probability, -1.0).desc()
    yield columns.received_at.desc() if wanted.sort == "time" else columns.received_at
    yield columns.study_id
