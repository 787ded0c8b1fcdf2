"""What readers say of scans. Each takes a session; the caller commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.engine import batches, now
from db.tables import Reading, Scan


@dataclass(frozen=True)
class NewestReading:
    """The reading of a scan that counts."""

    scan_id: int
    label: str
    reader: str


def record_reading(session: Session, scan_id: int, label: str, reader: str, note: str | None) -> None:
    """Add a reader's verdict; earlier ones stay, the newest counts."""
    session.add(Reading(scan_id=scan_id, label=label, reader=reader, note=note, read_at=now()))


def readings_of(session: Session, scan_id: int) -> Sequence[Reading]:
    """Every reading of one scan, oldest first."""
    return session.scalars(select(Reading).where(Reading.scan_id == scan_id).order_by(Reading.id)).all()


def newest_readings(session: Session, sha256s: Sequence[str]) -> dict[str, NewestReading]:
    """The readings that count of scans with those bytes, by their SHA-256."""
    return {
        row.sha256: NewestReading(row.scan_id, row.label, row.reader)
        for batch in batches(sha256s)
        for row in session.execute(
            select(Scan.sha256, Reading.scan_id, Reading.label, Reading.reader)
            .join(Reading, Reading.scan_id == Scan.id)
            .where(Scan.sha256.in_(batch))
            .order_by(Reading.id)  # a later one replaces an earlier one
        )
    }


def count_new_labels(session: Session, since: datetime) -> int:
    """How many readings are newer than that moment."""
    return session.scalar(select(func.count()).where(Reading.read_at > since)) or 0
