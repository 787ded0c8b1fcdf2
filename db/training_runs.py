"""The moves of a training run. Its row, with a lease and a heartbeat, decides who trains."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from db.engine import now
from db.states import RunState
from db.tables import TrainingRun

MAX_ATTEMPTS = 3
_LOST = (
    f"The worker did not come back from this run {MAX_ATTEMPTS} times. See training.log; is memory enough?"
)


def request_run(session: Session, seed: int, epochs: int | None) -> int:
    """Insert a run; returns its id. `epochs` None leaves the number to the training."""
    run = TrainingRun(state=RunState.REQUESTED, seed=seed, epochs=epochs, attempts=0, requested_at=now())
    session.add(run)
    session.flush()
    return run.id


def runs_to_publish(session: Session, lease: timedelta) -> Sequence[int]:
    """Unfinished runs that nobody works on; each has `lease` to be begun before it comes up again.

    A run whose worker did not come back `MAX_ATTEMPTS` times fails instead.
    """
    due = or_(TrainingRun.lease_expires_at.is_(None), TrainingRun.lease_expires_at < now())
    unfinished = TrainingRun.state.in_((RunState.REQUESTED, RunState.RUNNING))
    lost = (TrainingRun.state == RunState.RUNNING) & (TrainingRun.attempts >= MAX_ATTEMPTS)
    session.execute(
        update(TrainingRun)
        .where(lost, due)
        .values(state=RunState.FAILED, reason=_LOST, lease_expires_at=None, finished_at=now())
    )
    ids = session.scalars(select(TrainingRun.id).where(unfinished, due).order_by(TrainingRun.id)).all()
    if ids:
        session.execute(
            update(TrainingRun)
            .where(TrainingRun.id.in_(ids))
            .values(state=RunState.REQUESTED, lease_expires_at=now() + lease)
        )
    return ids


def claim_run(session: Session, run_id: int, lease: timedelta) -> TrainingRun | None:
    """Begin a requested run; None if it is done, under way, or another run is."""
    busy = session.scalar(
        select(TrainingRun.id).where(
            TrainingRun.state == RunState.RUNNING, TrainingRun.lease_expires_at >= now()
        )
    )
    run = session.get(TrainingRun, run_id, with_for_update=True)
    if busy or run is None or run.state != RunState.REQUESTED:
        return None
    run.state, run.started_at, run.lease_expires_at = RunState.RUNNING, now(), now() + lease
    run.attempts += 1
    return run


def keep_run(session: Session, run_id: int, lease: timedelta) -> None:
    """The heartbeat: whoever trains holds the run for another `lease`."""
    session.execute(
        update(TrainingRun).where(TrainingRun.id == run_id).values(lease_expires_at=now() + lease)
    )


def succeed_run(session: Session, run_id: int, model_version: str, metrics: dict[str, Any]) -> None:
    """The run made a registered model version."""
    _end(session, run_id, state=RunState.SUCCEEDED, model_version=model_version, metrics=metrics)


def fail_run(session: Session, run_id: int, reason: str) -> None:
    """The run made no model; `reason` tells a person why."""
    _end(session, run_id, state=RunState.FAILED, reason=reason)


def _end(session: Session, run_id: int, **values: Any) -> None:  # noqa: ANN401 - column values
    session.execute(
        update(TrainingRun)
        .where(TrainingRun.id == run_id)
        .values(lease_expires_at=None, finished_at=now(), **values)
    )


def list_runs(session: Session, limit: int) -> Sequence[TrainingRun]:
    """The newest runs first."""
    return session.scalars(select(TrainingRun).order_by(TrainingRun.id.desc()).limit(limit)).all()
