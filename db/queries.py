"""What the rest of headct asks of the database. Each takes a session; the caller commits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, column, func, select, table
from sqlalchemy.orm import Session

from core.errors import ScanNotFound
from db.engine import batches
from db.tables import UNFINISHED, Arrival, Prediction, Scan, ScanState, UtcDateTime

RESULT_COLUMNS = (
    "scan_id",
    "sha256",
    "source_name",
    "received_at",
    "state",
    "reason",
    "label",
    "probability",
    "threshold",
    "model_version",
    "classified_at",
)
_MOMENTS = {"received_at", "classified_at"}
_RESULTS = table(
    "results", *(column(name, UtcDateTime() if name in _MOMENTS else None) for name in RESULT_COLUMNS)
)


@dataclass(frozen=True)
class ResultFilter:
    """Which results, in which order; `limit` 0 means all."""

    state: str | None = None
    label: str | None = None
    since: datetime | None = None
    sort: Literal["time", "probability"] = "time"
    limit: int = 0


def results(session: Session, wanted: ResultFilter) -> Sequence[Row[Any]]:
    """Rows of the view `results`, newest or most probable first."""
    query = select(_RESULTS).where(*_conditions(wanted))
    if wanted.sort == "probability":
        query = query.order_by(_RESULTS.c.probability.desc())
    query = query.order_by(_RESULTS.c.scan_id.desc())
    return session.execute(query.limit(wanted.limit) if wanted.limit else query).all()


def count_results(session: Session, wanted: ResultFilter) -> int:
    """How many rows there are without the limit."""
    return session.scalar(select(func.count()).select_from(_RESULTS).where(*_conditions(wanted))) or 0


def _conditions(wanted: ResultFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.state:
        yield _RESULTS.c.state == wanted.state
    if wanted.label:
        yield _RESULTS.c.label == wanted.label
    if wanted.since:
        yield _RESULTS.c.received_at >= wanted.since
    if wanted.sort == "probability":
        yield _RESULTS.c.probability.is_not(None)


def results_of(session: Session, scan_ids: Sequence[int]) -> Sequence[Row[Any]]:
    """Rows of the view `results` for these scans, in the order of arrival."""
    return [
        row
        for batch in batches(sorted(scan_ids))
        for row in session.execute(
            select(_RESULTS).where(_RESULTS.c.scan_id.in_(batch)).order_by(_RESULTS.c.scan_id)
        )
    ]


def counts_by_state(session: Session) -> dict[str, int]:
    """How many scans are in each state; every state is named."""
    found = session.execute(select(Scan.state, func.count().label("scans")).group_by(Scan.state)).all()
    return {state.value: 0 for state in ScanState} | {row.state: row.scans for row in found}


def unfinished_of(session: Session, scan_ids: Sequence[int]) -> int:
    """How many of these scans have no final state yet."""
    return sum(
        session.scalar(select(func.count()).where(Scan.id.in_(batch), Scan.state.in_(UNFINISHED))) or 0
        for batch in batches(scan_ids)
    )


def count_arrivals(session: Session) -> int:
    """How many files have arrived, also those of known bytes."""
    return session.scalar(select(func.count()).select_from(Arrival)) or 0


def oldest_unfinished(session: Session) -> datetime | None:
    """When the oldest scan arrived that has no final state yet."""
    return session.scalar(
        select(Scan.received_at).where(Scan.state.in_(UNFINISHED)).order_by(Scan.received_at).limit(1)
    )


def find_scan(session: Session, reference: str) -> Scan:
    """The scan with that id, or whose SHA-256 begins with those (at least 6) hex digits.

    Raises
    ------
    ScanNotFound
        There is none, or more than one.
    """
    if reference.isdecimal() and len(reference) < 10 and (scan := session.get(Scan, int(reference))):
        return scan
    if len(reference) >= 6:
        found = session.scalars(
            select(Scan).where(Scan.sha256.startswith(reference.lower(), autoescape=True)).limit(2)
        ).all()
        if len(found) == 1:
            return found[0]
        if found:
            raise ScanNotFound(
                f"More than one scan's SHA-256 begins with {reference}. Give more digits, or the id."
            )
    raise ScanNotFound(f"There is no scan {reference}. `headct results` lists the ids.")


def arrivals_of(session: Session, scan_id: int) -> Sequence[Arrival]:
    """Every arrival of one scan, oldest first."""
    return session.scalars(select(Arrival).where(Arrival.scan_id == scan_id).order_by(Arrival.id)).all()


def predictions_of(session: Session, scan_id: int) -> Sequence[Prediction]:
    """Every result that one scan ever got, oldest first."""
    return session.scalars(
        select(Prediction).where(Prediction.scan_id == scan_id).order_by(Prediction.id)
    ).all()
