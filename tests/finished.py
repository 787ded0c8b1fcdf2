"""Scans that are finished without a worker."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from db.engine import now
from db.lifecycle import Claimant, ModelStamp, Outcome, finish
from db.states import ScanState
from db.tables import Scan


def finish_scans(session: Session, outcomes: Sequence[Outcome], model: ModelStamp) -> None:
    """Let a task hold these scans, whatever their state, and write what became of them."""
    claimant = Claimant("test")
    ids = [outcome.scan_id for outcome in outcomes]
    session.execute(
        update(Scan)
        .where(Scan.id.in_(ids))
        .values(
            state=ScanState.RUNNING,
            claimed_by=str(claimant),
            lease_expires_at=now() + timedelta(minutes=1),
        )
    )
    assert list(finish(session, claimant, outcomes, model)) == sorted(ids)
