"""The moves of a training run. Its row, with a lease that is renewed, decides who trains."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.errors import RunNotFound, WorkersDeaf
from db.engine import now
from db.states import UNFINISHED_RUNS, RunState
from db.tables import EpochRecord, TrainingRun

RUN_LEASE = timedelta(seconds=60)
"""A run whose trainer gave no sign for so long is begun anew."""
MAX_ATTEMPTS = 3
_BEGUN_WITHIN = timedelta(seconds=120)
_LOST = (
    f"The worker did not come back from this run {MAX_ATTEMPTS} times. See training.log; is memory enough?"
)
BY_SCHEDULE = "the schedule"
BY_LABELS = "new labels"


@dataclass(frozen=True)
class RunRequest:
    """What is asked of a run. `epochs` None leaves the number to the training."""

    seed: int
    epochs: int | None
    promote: bool
    requested_by: str


class Held(Enum):
    """What a trainer is answered that renews its lease."""

    YES = auto()
    CANCELLED = auto()
    LOST = auto()


def request_run(session: Session, request: RunRequest) -> int:
    """Insert a run; returns its id."""
    run = TrainingRun(
        state=RunState.REQUESTED,
        seed=request.seed,
        epochs=request.epochs,
        promote=request.promote,
        requested_by=request.requested_by,
        attempts=0,
        requested_at=now(),
    )
    session.add(run)
    session.flush()
    return run.id


def renew_run_leases(session: Session, lease: timedelta, *, only_absurd: bool) -> None:
    """Let the leases of unfinished runs begin anew; as `db.lifecycle.renew_leases` does for files.

    `lease` is that of a published run; a running one has `RUN_LEASE`.
    """
    leased = TrainingRun.state.in_(UNFINISHED_RUNS) & TrainingRun.lease_expires_at.is_not(None)
    if only_absurd:
        leased &= TrainingRun.lease_expires_at > now() + 2 * max(lease, RUN_LEASE)
    session.execute(update(TrainingRun).where(leased).values(lease_expires_at=now() + RUN_LEASE))


def run_to_publish(session: Session, lease: timedelta) -> int | None:
    """The oldest waiting run while none is under way; it has `lease` to be begun before it comes up again.

    A run whose trainer's lease ran out waits again, or fails if it happened `MAX_ATTEMPTS` times.
    """
    expired = (TrainingRun.state == RunState.RUNNING) & (TrainingRun.lease_expires_at < now())
    session.execute(
        update(TrainingRun)
        .where(expired, TrainingRun.attempts >= MAX_ATTEMPTS)
        .values(state=RunState.FAILED, reason=_LOST, **_ended())
    )
    session.execute(
        update(TrainingRun)
        .where(expired, TrainingRun.cancel_requested)
        .values(state=RunState.CANCELLED, reason="Cancelled while its worker was gone.", **_ended())
    )
    session.execute(
        update(TrainingRun)
        .where(expired)
        .values(state=RunState.REQUESTED, claimed_by=None, lease_expires_at=None)
    )
    first = session.execute(
        select(TrainingRun.id, TrainingRun.state, TrainingRun.lease_expires_at)
        .where(TrainingRun.state.in_(UNFINISHED_RUNS))
        .order_by(TrainingRun.state != RunState.RUNNING, TrainingRun.id)
        .limit(1)
    ).first()
    published = first is not None and first.lease_expires_at is not None and first.lease_expires_at >= now()
    if first is None or first.state == RunState.RUNNING or published:
        return None
    session.execute(
        update(TrainingRun).where(TrainingRun.id == first.id).values(lease_expires_at=now() + lease)
    )
    run_id: int = first.id
    return run_id


def claim_run(session: Session, run_id: int, claimant: str, lease: timedelta) -> TrainingRun | None:
    """Begin a requested run; None if it is done, under way, or another run is.

    That only one run is `running` is a unique index of the table: of two trainers the second is refused.
    """
    try:
        with session.begin_nested():
            run = session.scalar(
                update(TrainingRun)
                .where(TrainingRun.id == run_id, TrainingRun.state == RunState.REQUESTED)
                .values(
                    state=RunState.RUNNING,
                    claimed_by=claimant,
                    started_at=now(),
                    lease_expires_at=now() + lease,
                    attempts=TrainingRun.attempts + 1,
                )
                .returning(TrainingRun)
            )
            if run is not None:
                session.execute(delete(EpochRecord).where(EpochRecord.run_id == run_id))
    except IntegrityError:
        return None
    return run


def renew_run(session: Session, run_id: int, claimant: str, lease: timedelta) -> Held:
    """Renew the lease: whoever trains holds the run for another `lease`, unless it was taken or cancelled."""
    cancelled = session.scalar(
        update(TrainingRun)
        .where(_held(run_id, claimant))
        .values(lease_expires_at=now() + lease)
        .returning(TrainingRun.cancel_requested)
    )
    if cancelled is None:
        return Held.LOST
    return Held.CANCELLED if cancelled else Held.YES


def record_epoch(session: Session, run_id: int, claimant: str, epoch: dict[str, Any]) -> None:
    """Write one point of the learning curve, if the run is still this trainer's."""
    if session.scalar(select(TrainingRun.id).where(_held(run_id, claimant))) is not None:
        session.add(EpochRecord(run_id=run_id, ended_at=now(), **epoch))


def end_run(session: Session, run_id: int, claimant: str, state: RunState, **values: Any) -> Held:  # noqa: ANN401 - column values
    """Write how a run ended, once: the answer tells whether it was still the claimant's to end.

    A run that is to be cancelled does not succeed any more; then nothing is written.
    """
    conditions = [_held(run_id, claimant)]
    if state == RunState.SUCCEEDED:
        conditions.append(~TrainingRun.cancel_requested)
    ended = session.scalar(
        update(TrainingRun)
        .where(*conditions)
        .values(state=state, **_ended(), **values)
        .returning(TrainingRun.id)
    )
    if ended is not None:
        return Held.YES
    still_held = session.scalar(select(TrainingRun.id).where(_held(run_id, claimant)))
    return Held.LOST if still_held is None else Held.CANCELLED


def cancel_run(session: Session, run_id: int) -> RunState:
    """Cancel a waiting run at once, a running one after a batch; returns the state it was in before.

    Raises
    ------
    RunNotFound
    """
    waiting = session.scalar(
        update(TrainingRun)
        .where(TrainingRun.id == run_id, TrainingRun.state == RunState.REQUESTED)
        .values(state=RunState.CANCELLED, reason="Cancelled before it began.", **_ended())
        .returning(TrainingRun.id)
    )
    if waiting is not None:
        return RunState.REQUESTED
    session.execute(
        update(TrainingRun)
        .where(TrainingRun.id == run_id, TrainingRun.state == RunState.RUNNING)
        .values(cancel_requested=True)
    )
    return RunState(find_run(session, run_id).state)


def find_run(session: Session, run_id: int) -> TrainingRun:
    """The run with that id.

    Raises
    ------
    RunNotFound
    """
    run = session.get(TrainingRun, run_id)
    if run is None:
        raise RunNotFound(f"There is no training run {run_id}.")
    return run


def list_runs(session: Session, limit: int) -> Sequence[TrainingRun]:
    """The newest runs first."""
    return session.scalars(select(TrainingRun).order_by(TrainingRun.id.desc()).limit(limit)).all()


def epochs_of(session: Session, run_id: int) -> Sequence[EpochRecord]:
    """The learning curve of a run so far."""
    return session.scalars(
        select(EpochRecord).where(EpochRecord.run_id == run_id).order_by(EpochRecord.number)
    ).all()


def runs_by_state(session: Session) -> dict[str, int]:
    """How many runs are in each state; every state is named."""
    found = session.execute(select(TrainingRun.state, func.count().label("runs")).group_by(TrainingRun.state))
    return {state.value: 0 for state in RunState} | {row.state: row.runs for row in found}


def unfinished_run(session: Session) -> int | None:
    """A run that waits or is under way, if there is one; until this transaction ends no further one comes.

    On SQLite that is so from the start: a transaction that may write is the only one.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE training_run IN SHARE ROW EXCLUSIVE MODE"))
    return session.scalar(select(TrainingRun.id).where(TrainingRun.state.in_(UNFINISHED_RUNS)).limit(1))


def check_begun(session: Session) -> None:
    """Raise if a run waits though none is under way, for longer than a training worker needs to take it.

    Raises
    ------
    WorkersDeaf
    """
    if session.scalar(select(TrainingRun.id).where(TrainingRun.state == RunState.RUNNING)) is not None:
        return
    waiting = select(func.min(TrainingRun.requested_at)).where(TrainingRun.state == RunState.REQUESTED)
    requested = session.scalar(waiting)
    if requested is None:
        return
    ended = session.scalar(select(func.max(TrainingRun.finished_at)))  # before that it was not its turn
    age = now() - max(requested, ended or requested)
    if age > _BEGUN_WITHIN:
        raise WorkersDeaf(
            f"A training run has waited for {age.total_seconds():.0f} s, and none is under way. A training "
            "worker needs the extra `train`; one that is alive is deaf, and is started again within minutes: "
            "see training.log."
        )


def last_request(session: Session, requested_by: str | None = None) -> datetime | None:
    """When a run was last requested, by anyone or by that one."""
    query = select(TrainingRun.requested_at).order_by(TrainingRun.id.desc()).limit(1)
    return session.scalar(query.where(TrainingRun.requested_by == requested_by) if requested_by else query)


def last_fingerprint(session: Session) -> str | None:
    """Fingerprint of the data that the last successful run trained on."""
    return session.scalar(
        select(TrainingRun.data_fingerprint)
        .where(TrainingRun.state == RunState.SUCCEEDED)
        .order_by(TrainingRun.id.desc())
        .limit(1)
    )


def _held(run_id: int, claimant: str) -> ColumnElement[bool]:
    return (
        (TrainingRun.id == run_id)
        & (TrainingRun.state == RunState.RUNNING)
        & (TrainingRun.claimed_by == claimant)
    )


def _ended() -> dict[str, Any]:
    return {"lease_expires_at": None, "finished_at": now()}
