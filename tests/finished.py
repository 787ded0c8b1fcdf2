"""Files that are finished without a worker."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from db.engine import now
from db.lifecycle import Claimant, ModelStamp, Outcome, finish
from db.states import FileState
from db.tables import File


def finish_files(session: Session, outcomes: Sequence[Outcome], model: ModelStamp) -> None:
    """Let a task hold these files, whatever their state, and write what became of them."""
    claimant = Claimant("test")
    ids = [outcome.file_id for outcome in outcomes]
    session.execute(
        update(File)
        .where(File.id.in_(ids))
        .values(
            state=FileState.RUNNING,
            claimed_by=str(claimant),
            lease_expires_at=now() + timedelta(minutes=1),
        )
    )
    assert list(finish(session, claimant, outcomes, model)) == sorted(ids)
