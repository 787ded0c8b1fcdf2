"""What the rest of headct asks of the database. Each takes a session; the caller commits."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from core.errors import ScanNotFound
from db.engine import batches
from db.states import UNFINISHED, ScanState
from db.tables import Arrival, Prediction, Scan


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


def unknown_of(session: Session, scan_ids: Sequence[int]) -> list[int]:
    """Those of these ids (at most `MAX_IDS`) that no scan has."""
    known = set(session.scalars(select(Scan.id).where(Scan.id.in_(scan_ids))))
    return sorted(set(scan_ids) - known)


def count_arrivals(session: Session) -> int:
    """How many files have arrived, also those of known bytes."""
    return session.scalar(select(func.count()).select_from(Arrival)) or 0


def has_stored_scans(session: Session) -> bool:
    """Whether some scan's bytes must be in the store. Of rejected ones some are elsewhere."""
    return bool(session.scalar(select(exists().where(Scan.state != ScanState.REJECTED))))


def oldest_unfinished(session: Session) -> datetime | None:
    """Since when the scan waits that has waited longest: it arrived, or was put back."""
    since = func.coalesce(Scan.requeued_at, Scan.received_at)
    return session.scalar(select(since).where(Scan.state.in_(UNFINISHED)).order_by(since).limit(1))


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
