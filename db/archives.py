"""Archives: what came out of them. Each takes a session; the caller commits."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from db.arrivals import NewArrival, record_arrivals
from db.engine import batches, now
from db.lifecycle import Claimant
from db.states import FileState
from db.tables import Arrival, File, Study


class Archive(NamedTuple):
    """What the members of an archive take over from it, and the keys of those that are recorded."""

    source_name: str
    study: str | None
    stat: bool
    known: frozenset[str]


def look_up_archive(session: Session, file_id: int) -> Archive:
    """What is known of an archive that has arrived."""
    arrived = session.execute(
        select(Arrival.source_name, Study.name)
        .outerjoin(Study, Study.id == Arrival.study_id)
        .where(Arrival.file_id == file_id)
        .order_by(Arrival.id)
    ).all()
    known = session.scalars(select(Arrival.file_identity).where(Arrival.archive_id == file_id))
    return Archive(
        source_name=arrived[0].source_name,
        study=next((one.name for one in arrived if one.name is not None), None),
        stat=session.get_one(File, file_id).stat,
        known=frozenset(key for key in known if key),
    )


def record_members(
    session: Session, claimant: Claimant, file_id: int, members: Sequence[NewArrival], lease: timedelta
) -> bool:
    """Record members of an archive, and let its lease begin anew. False: another task holds it."""
    if not _update(session, claimant, file_id, lease_expires_at=now() + lease):
        return False
    record_arrivals(session, members)
    return True


def finish_unpacked(session: Session, claimant: Claimant, file_id: int, warnings: str) -> bool:
    """All members are recorded. False: another task holds the archive."""
    return _update(
        session,
        claimant,
        file_id,
        state=FileState.UNPACKED,
        warnings=warnings,
        claimed_by=None,
        lease_expires_at=None,
        finished_at=now(),
    )


def members_by_state(session: Session, file_id: int) -> dict[str, int]:
    """How many files that came out of an archive are in each state that any is in."""
    members = select(Arrival.file_id).where(Arrival.archive_id == file_id)
    counts = select(File.state, func.count()).where(File.id.in_(members)).group_by(File.state)
    return {state: count for state, count in session.execute(counts.order_by(File.state))}  # noqa: C416 - rows


def members_of(session: Session, file_ids: Sequence[int]) -> list[tuple[str, int]]:
    """Name and id of each file that came out of one of these archives."""
    return [
        (row.source_name, row.file_id)
        for batch in batches(file_ids)
        for row in session.execute(
            select(Arrival.source_name, Arrival.file_id)
            .where(Arrival.archive_id.in_(batch))
            .order_by(Arrival.id)
        )
    ]


def _update(session: Session, claimant: Claimant, file_id: int, **values: object) -> bool:
    held = update(File).where(
        File.id == file_id, File.state == FileState.RUNNING, File.claimed_by == str(claimant)
    )
    return session.scalar(held.values(**values).returning(File.id)) is not None
