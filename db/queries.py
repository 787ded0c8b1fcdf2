"""What the rest of headct asks of the database. Each takes a session; the caller commits."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from core.errors import NoSuchFile
from db.engine import batches
from db.states import UNFINISHED, FileState
from db.tables import Arrival, File, Image, Prediction


def counts_by_state(session: Session) -> dict[str, int]:
    """How many files are in each state; every state is named."""
    found = session.execute(select(File.state, func.count().label("files")).group_by(File.state)).all()
    return {state.value: 0 for state in FileState} | {row.state: row.files for row in found}


def unfinished_of(session: Session, file_ids: Sequence[int]) -> int:
    """How many of these files have no final state yet."""
    return sum(
        session.scalar(select(func.count()).where(File.id.in_(batch), File.state.in_(UNFINISHED))) or 0
        for batch in batches(file_ids)
    )


def unknown_of(session: Session, file_ids: Sequence[int]) -> list[int]:
    """Those of these ids (at most `MAX_IDS`) that no file has."""
    known = set(session.scalars(select(File.id).where(File.id.in_(file_ids))))
    return sorted(set(file_ids) - known)


def count_arrivals(session: Session) -> int:
    """How many files have arrived, also those of known bytes."""
    return session.scalar(select(func.count()).select_from(Arrival)) or 0


def has_stored_files(session: Session) -> bool:
    """Whether some file's bytes must be in the store. Of rejected ones some are elsewhere."""
    return bool(session.scalar(select(exists().where(File.state != FileState.REJECTED))))


def oldest_unfinished(session: Session) -> datetime | None:
    """Since when the file waits that has waited longest: it arrived, or was put back."""
    since = func.coalesce(File.requeued_at, File.received_at)
    return session.scalar(select(since).where(File.state.in_(UNFINISHED)).order_by(since).limit(1))


def find_file(session: Session, reference: str) -> File:
    """The file with that id, or whose SHA-256 begins with those (at least 6) hex digits.

    Raises
    ------
    NoSuchFile
        There is none, or more than one.
    """
    if reference.isdecimal() and len(reference) < 10 and (file := session.get(File, int(reference))):
        return file
    if len(reference) >= 6:
        found = session.scalars(
            select(File).where(File.sha256.startswith(reference.lower(), autoescape=True)).limit(2)
        ).all()
        if len(found) == 1:
            return found[0]
        if found:
            raise NoSuchFile(
                f"More than one file's SHA-256 begins with {reference}. Give more digits, or the id."
            )
    raise NoSuchFile(f"There is no file {reference}.")


def arrivals_of(session: Session, file_id: int) -> Sequence[Arrival]:
    """Every arrival of one file, oldest first."""
    return session.scalars(select(Arrival).where(Arrival.file_id == file_id).order_by(Arrival.id)).all()


def predictions_of(session: Session, file_id: int) -> Sequence[Prediction]:
    """Every result that the images of one file ever got, oldest first."""
    return session.scalars(
        select(Prediction)
        .join(Image, Image.id == Prediction.image_id)
        .where(Image.file_id == file_id)
        .order_by(Prediction.id)
    ).all()
