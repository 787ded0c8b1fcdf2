"""Moves of files that are to be tried, or classified, once more, as in `db.lifecycle`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CompoundSelect, CursorResult, Exists, exists, func, select, update
from sqlalchemy import Table as SqlTable
from sqlalchemy.orm import Session

from db.engine import batches, now
from db.lifecycle import Claimant
from db.promotions import in_use_since, name_in_use
from db.states import FileState
from db.tables import Arrival, File, Image, Prediction, Series
from db.worklist_items import refresh_files

# As in `db.lifecycle`.
_FILE = cast("SqlTable", File.__table__)

RETRIED = (FileState.REJECTED, FileState.QUARANTINED)


def retry(session: Session, file_ids: Sequence[int]) -> int:
    """Put rejected or quarantined files back into the queue, as if new; returns how many."""
    moved = 0
    for batch in batches(file_ids):
        again = session.scalars(
            update(File)
            .where(File.id.in_(batch), File.state.in_(RETRIED))
            .values(
                state=FileState.RECEIVED,
                reason_code=None,
                reason=None,
                warnings=None,
                attempts=0,
                requeued_at=now(),
                finished_at=None,
            )
            .returning(File.id)
        ).all()
        refresh_files(session, sorted(again))  # one may have a result from before
        moved += len(again)
    return moved


def reclassify(
    session: Session, version: str, since: datetime | None = None, study_id: int | None = None
) -> int:
    """Classified files that have no result of that version wait again; returns how many.

    Those that came since that moment, or those of that study.

    Their results stay. That they were finished before tells them from new files, which come first. A worker
    that serves another version leaves them to those that have switched (`postpone`).
    """
    conditions = [File.state == FileState.CLASSIFIED, ~_has_result_of(version)]
    if since is not None:
        conditions.append(File.received_at >= since)
    if study_id is not None:
        conditions.append(File.id.in_(files_of_study(study_id)))
    moved = session.execute(
        update(_FILE).where(*conditions).values(state=FileState.RECEIVED, attempts=0, requeued_at=now())
    )
    return cast("CursorResult[Any]", moved).rowcount


def files_of_study(study_id: int) -> CompoundSelect[int]:
    """Ids of the files of a study."""
    placed = select(Image.file_id).join(Series).where(Series.study_id == study_id)
    return placed.union(select(Arrival.file_id).where(Arrival.study_id == study_id))


def left_behind(session: Session) -> int:
    """How many classified files were put back after the version in use came, and have no result of it."""
    wanted, since = name_in_use(session), in_use_since(session)
    if wanted is None or since is None:
        return 0
    conditions = File.state == FileState.CLASSIFIED, File.requeued_at >= since, ~_has_result_of(wanted)
    return session.scalar(select(func.count()).select_from(File).where(*conditions)) or 0


def in_state(session: Session, state: FileState) -> Sequence[int]:
    """Ids of the files in that state."""
    return session.scalars(select(File.id).where(File.state == state).order_by(File.id)).all()


def postpone(
    session: Session, claimant: Claimant, version: str, patience: timedelta
) -> tuple[Sequence[int], Sequence[int]]:
    """Where this worker does not serve the version in use, part with what is to be classified again.

    A result of another version is not what was asked for. These files wait again, which costs no attempt, for
    a worker that has switched. Where none gave a result of the version in use for `patience`, since they were
    put back and since it came into use, they keep the result that they have. New files stay with the task.

    Parameters
    ----------
    version
        That this worker serves.

    Returns
    -------
    Ids of the files that wait again, and of those that keep their result.
    """
    wanted = name_in_use(session)
    if wanted in (None, version):
        return [], []
    mine = (
        (File.state == FileState.RUNNING) & (File.claimed_by == str(claimant)) & File.finished_at.is_not(None)
    )
    freed = {"claimed_by": None, "lease_expires_at": None}
    kept: Sequence[int] = []
    since, too_long = in_use_since(session), now() - patience
    by_others = exists().where(Prediction.classified_at > too_long, Prediction.model_version == wanted)
    if (since is None or since < too_long) and not session.scalar(select(by_others)):
        put_back_before = mine & (func.coalesce(File.requeued_at, File.received_at) < too_long)
        kept = session.scalars(
            update(File).where(put_back_before).values(state=FileState.CLASSIFIED, **freed).returning(File.id)
        ).all()
    waiting = session.scalars(
        update(File)
        .where(mine)
        .values(state=FileState.RECEIVED, attempts=File.attempts - 1, **freed)
        .returning(File.id)
    ).all()
    return waiting, kept


def _has_result_of(version: str) -> Exists:
    return exists().where(
        Image.file_id == File.id, Prediction.image_id == Image.id, Prediction.model_version == version
    )
