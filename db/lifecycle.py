"""The moves of a scan between its states. Each takes a session that may write; the caller commits."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, CursorResult, case, exists, func, or_, select, update
from sqlalchemy import Table as SqlTable
from sqlalchemy.orm import Session

from core.reasons import Reason, ReasonCode
from db.engine import MAX_IDS, batches, now
from db.promotions import in_use_since, name_in_use
from db.states import ScanState
from db.tables import Prediction, Scan
from db.upsert import insert_missing

logger = logging.getLogger(__name__)

# The bare table: an update through the mapper takes several times as long.
_SCAN = cast("SqlTable", Scan.__table__)

_LEASED = (ScanState.QUEUED, ScanState.RUNNING)
RETRIED = (ScanState.REJECTED, ScanState.QUARANTINED)


@dataclass(frozen=True)
class Outcome:
    """What became of one scan in a worker: a result or the reason for rejecting it."""

    scan_id: int
    probability: float | None = None
    label: str | None = None
    label_reason: str | None = None
    domain_distance: float | None = None
    rejected: Reason | None = None
    warnings: str | None = None


@dataclass(frozen=True)
class ModelStamp:
    """What is written on every result about the model that gave it."""

    version: str
    weights_sha256: str
    preprocessing_version: str
    threshold: float
    temperature: float | None = None
    uncertain_low: float | None = None
    uncertain_high: float | None = None
    domain_limit: float | None = None


def take_back_expired(session: Session, max_attempts: int) -> Sequence[int]:
    """Queued and running scans whose lease ran out wait again, or are quarantined; returns their ids."""
    expired = Scan.state.in_(_LEASED) & (Scan.lease_expires_at < now())
    return _release(session, expired, max_attempts)


def renew_leases(session: Session, lease: timedelta, *, only_absurd: bool) -> None:
    """Let the leases of queued and running scans begin anew.

    Parameters
    ----------
    only_absurd
        Only those that end later than any that this clock can have given: the clock was set back since.
        What slack there is lets the clocks of several machines differ.
    """
    leased: ColumnElement[bool] = Scan.state.in_(_LEASED)
    if only_absurd:
        leased &= Scan.lease_expires_at > now() + 2 * lease
    session.execute(update(_SCAN).where(leased).values(lease_expires_at=now() + lease))


def next_chunks(
    session: Session,
    chunks: int,
    chunk_size: int,
    lease: timedelta,
    *,
    again: bool = False,
    full_only: bool = False,
) -> list[list[int]]:
    """Move waiting scans to `queued`; returns their ids in chunks, oldest first.

    Either those that have no result yet, or those that are to be classified `again`.
    With `full_only`, scans that do not fill a chunk go on waiting.
    A scan that a worker did not come back from travels alone, so that one bad file cannot take
    others down with it a second time.
    """
    waiting = session.execute(
        select(Scan.id, Scan.attempts)
        .where(
            Scan.state == ScanState.RECEIVED,
            Scan.finished_at.is_not(None) if again else Scan.finished_at.is_(None),
        )
        .order_by(Scan.finished_at, Scan.id)  # as the index has them
        .limit(min(chunks * chunk_size, MAX_IDS))
        .with_for_update(skip_locked=True)
    ).all()
    alone = [[id_] for id_, attempts in waiting if attempts]
    together = [id_ for id_, attempts in waiting if not attempts]
    full = [together[start : start + chunk_size] for start in range(0, len(together), chunk_size)]
    if full_only and full and len(full[-1]) < chunk_size:
        full.pop()
    made = (alone + full)[:chunks]
    _set(
        session,
        [id_ for chunk in made for id_ in chunk],
        state=ScanState.QUEUED,
        lease_expires_at=now() + lease,
    )
    return made


def put_back(session: Session, scan_ids: Sequence[int]) -> None:
    """Scans that could not be published wait again."""
    session.execute(
        update(Scan)
        .where(Scan.id.in_(scan_ids), Scan.state == ScanState.QUEUED)
        .values(state=ScanState.RECEIVED, lease_expires_at=None)
    )


@dataclass(frozen=True)
class Claimant:
    """Who claims: a task, and which try of it; a redelivered message has the same task id and try."""

    task_id: str
    retries: int = 0

    def __str__(self) -> str:
        return f"{self.task_id}:{self.retries}"

    def is_before(self, other: str) -> bool:
        """Whether that claimant, as text, is a later try of the same task."""
        return self.retries < int(other.rpartition(":")[2])


class Claimed(NamedTuple):
    """A scan that a task has taken.

    `waits_since`: when it arrived or was put back to be tried again; None if it has a result already.
    """

    id: int
    sha256: str
    waits_since: datetime | None


def claim(
    session: Session, scan_ids: Sequence[int], claimant: Claimant, lease: timedelta, max_attempts: int
) -> list[Claimed]:
    """Take the scans of one task before any of their bytes is read.

    Counts the attempt first, so that a file that kills the worker is known by its count. A redelivered
    message finds its own scans `running`: the worker died. If it held several, they are released to
    travel one by one; one that was there too often is quarantined. One that was alone when it happened a
    second time waits until its lease runs out, so that whoever kills workers again and again for a while
    does not bring an innocent file into quarantine. Scans that an earlier try of the task left `running`
    cost no attempt: that try ended with an error of the database, and nobody died.
    """
    mine = session.execute(
        select(
            *(Scan.id, Scan.sha256, Scan.attempts, Scan.state, Scan.claimed_by),
            *(Scan.received_at, Scan.requeued_at, Scan.finished_at),
        )
        .where(
            Scan.id.in_(scan_ids),
            or_(
                Scan.state == ScanState.QUEUED,
                (Scan.state == ScanState.RUNNING)
                & Scan.claimed_by.startswith(f"{claimant.task_id}:", autoescape=True),
            ),
        )
        .order_by(Scan.id)
        .with_for_update(key_share=True)  # as the foreign keys of new arrivals do, or the two deadlock
    ).all()
    # A message that came twice can be behind its own next try, which has the scans then.
    mine = [row for row in mine if row.state == ScanState.QUEUED or not claimant.is_before(row.claimed_by)]
    died = [row.id for row in mine if row.claimed_by == str(claimant)]
    if died and (len(mine) > 1 or mine[0].attempts >= max_attempts):
        _release(session, Scan.id.in_(died), max_attempts)
        mine = [row for row in mine if row.id not in died]
    elif died and mine[0].attempts > 1:
        return []
    running = {"state": ScanState.RUNNING, "claimed_by": str(claimant), "lease_expires_at": now() + lease}
    begun = [row.id for row in mine if row.state == ScanState.QUEUED or row.id in died]
    _set(session, begun, attempts=Scan.attempts + 1, **running)
    _set(session, [row.id for row in mine if row.id not in begun], **running)
    return [
        Claimed(row.id, row.sha256, None if row.finished_at else row.requeued_at or row.received_at)
        for row in mine
    ]


def give_back(session: Session, claimant: Claimant) -> None:
    """The scans that this task holds wait again, and this costs them no attempt: it could not begin."""
    session.execute(
        update(_SCAN)
        .where(Scan.state == ScanState.RUNNING, Scan.claimed_by == str(claimant))
        .values(state=ScanState.RECEIVED, attempts=Scan.attempts - 1, claimed_by=None, lease_expires_at=None)
    )


def postpone(
    session: Session, claimant: Claimant, version: str, patience: timedelta
) -> tuple[Sequence[int], Sequence[int]]:
    """Where this worker does not serve the version in use, part with what is to be classified again.

    A result of another version is not what was asked for. These scans wait again, which costs no attempt, for
    a worker that has switched. Where none gave a result of the version in use for `patience`, since they were
    put back and since it came into use, they keep the result that they have. New scans stay with the task.

    Parameters
    ----------
    version
        That this worker serves.

    Returns
    -------
    Ids of the scans that wait again, and of those that keep their result.
    """
    wanted = name_in_use(session)
    if wanted in (None, version):
        return [], []
    mine = (
        (Scan.state == ScanState.RUNNING) & (Scan.claimed_by == str(claimant)) & Scan.finished_at.is_not(None)
    )
    freed = {"claimed_by": None, "lease_expires_at": None}
    kept: Sequence[int] = []
    since, too_long = in_use_since(session), now() - patience
    by_others = exists().where(Prediction.classified_at > too_long, Prediction.model_version == wanted)
    if (since is None or since < too_long) and not session.scalar(select(by_others)):
        put_back_before = mine & (func.coalesce(Scan.requeued_at, Scan.received_at) < too_long)
        kept = session.scalars(
            update(Scan).where(put_back_before).values(state=ScanState.CLASSIFIED, **freed).returning(Scan.id)
        ).all()
    waiting = session.scalars(
        update(Scan)
        .where(mine)
        .values(state=ScanState.RECEIVED, attempts=Scan.attempts - 1, **freed)
        .returning(Scan.id)
    ).all()
    return waiting, kept


def finish(
    session: Session, claimant: Claimant, outcomes: Iterable[Outcome], model: ModelStamp
) -> Sequence[int]:
    """Write what became of the scans that this task still holds; returns their ids.

    Of a scan that it lost meanwhile, since it stood still for longer than its lease, nothing is written: who
    holds it now decides, and a final state is never changed by who comes late.
    """
    moment, outcomes = now(), list(outcomes)
    held = set(
        session.scalars(
            select(Scan.id)
            .where(
                Scan.id.in_([outcome.scan_id for outcome in outcomes]),
                Scan.claimed_by == str(claimant),
            )
            .order_by(Scan.id)
            .with_for_update(key_share=True)  # as in `claim`
        )
    )
    outcomes = sorted(
        (outcome for outcome in outcomes if outcome.scan_id in held), key=lambda outcome: outcome.scan_id
    )
    rows = [
        {
            "scan_id": outcome.scan_id,
            "model_version": model.version,
            "weights_sha256": model.weights_sha256,
            "preprocessing_version": model.preprocessing_version,
            "label": outcome.label,
            "label_reason": outcome.label_reason,
            "probability": outcome.probability,
            "temperature": model.temperature,
            "threshold": model.threshold,
            "uncertain_low": model.uncertain_low,
            "uncertain_high": model.uncertain_high,
            "domain_distance": outcome.domain_distance,
            "domain_limit": model.domain_limit,
            "classified_at": moment,
        }
        for outcome in outcomes
        if outcome.rejected is None
    ]
    insert_missing(session, Prediction, rows, ["scan_id", "model_version"])
    final = {"claimed_by": None, "lease_expires_at": None, "finished_at": moment}
    _set(
        session,
        [outcome.scan_id for outcome in outcomes if outcome.rejected is None],
        state=ScanState.CLASSIFIED,
        reason_code=None,
        reason=None,
        warnings=None,
        **final,
    )
    for outcome in outcomes:
        if outcome.rejected is None:
            if outcome.warnings is not None:
                _set(session, [outcome.scan_id], warnings=outcome.warnings)
        else:
            code, text = outcome.rejected
            _set(
                session,
                [outcome.scan_id],
                state=ScanState.REJECTED,
                reason_code=code,
                reason=text,
                warnings=outcome.warnings,
                **final,
            )
    return sorted(held)


def retry(session: Session, scan_ids: Sequence[int]) -> int:
    """Put rejected or quarantined scans back into the queue, as if new; returns how many."""
    return sum(
        len(
            session.scalars(
                update(Scan)
                .where(Scan.id.in_(batch), Scan.state.in_(RETRIED))
                .values(
                    state=ScanState.RECEIVED,
                    reason_code=None,
                    reason=None,
                    warnings=None,
                    attempts=0,
                    requeued_at=now(),
                    finished_at=None,
                )
                .returning(Scan.id)
            ).all()
        )
        for batch in batches(scan_ids)
    )


def reclassify(session: Session, version: str, since: datetime | None) -> int:
    """Classified scans that have no result of that version wait again; returns how many.

    Their results stay. That they were finished before tells them from new scans, which come first. A worker
    that serves another version leaves them to those that have switched (`postpone`).
    """
    has_one = exists().where(Prediction.scan_id == Scan.id, Prediction.model_version == version)
    conditions = [Scan.state == ScanState.CLASSIFIED, ~has_one]
    if since is not None:
        conditions.append(Scan.received_at >= since)
    moved = session.execute(
        update(_SCAN).where(*conditions).values(state=ScanState.RECEIVED, attempts=0, requeued_at=now())
    )
    return cast("CursorResult[Any]", moved).rowcount


def left_behind(session: Session) -> int:
    """How many classified scans were put back after the version in use came, and have no result of it."""
    wanted, since = name_in_use(session), in_use_since(session)
    if wanted is None or since is None:
        return 0
    has_one = exists().where(Prediction.scan_id == Scan.id, Prediction.model_version == wanted)
    conditions = Scan.state == ScanState.CLASSIFIED, Scan.requeued_at >= since, ~has_one
    return session.scalar(select(func.count()).select_from(Scan).where(*conditions)) or 0


def in_state(session: Session, state: ScanState) -> Sequence[int]:
    """Ids of the scans in that state."""
    return session.scalars(select(Scan.id).where(Scan.state == state).order_by(Scan.id)).all()


def _release(session: Session, which: ColumnElement[bool], max_attempts: int) -> Sequence[int]:
    exhausted = (Scan.attempts >= max_attempts) & (Scan.state == ScanState.RUNNING)
    reason = (
        f"The worker did not come back from this file {max_attempts} times, so it is kept aside. "
        "Look at the file, then `headct retry` it."
    )
    released = session.execute(
        update(Scan)
        .where(which)
        .values(
            state=case((exhausted, ScanState.QUARANTINED.value), else_=ScanState.RECEIVED.value),
            reason_code=case((exhausted, ReasonCode.WORKER_LOST.value), else_=None),
            reason=case((exhausted, reason), else_=None),
            finished_at=case((exhausted, now()), else_=Scan.finished_at),
            claimed_by=None,
            lease_expires_at=None,
        )
        .returning(Scan.id, Scan.state)
    ).all()
    quarantined = [row.id for row in released if row.state == ScanState.QUARANTINED]
    if quarantined:
        logger.warning(
            "%d scans are quarantined, as their worker did not come back from them",
            len(quarantined),
            extra={"scan_ids": quarantined},
        )
    return [row.id for row in released]


def _set(session: Session, scan_ids: Sequence[int], **values: Any) -> None:  # noqa: ANN401 - values or SQL
    if scan_ids:
        session.execute(update(_SCAN).where(Scan.id.in_(scan_ids)).values(**values))
