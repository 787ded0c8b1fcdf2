"""The moves of a file between its states. Each takes a session that may write; the caller commits."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, case, exists, or_, select, update
from sqlalchemy import Table as SqlTable
from sqlalchemy.orm import Session

from core.place import Place
from core.reasons import Reason, ReasonCode
from db.engine import MAX_IDS, now
from db.images import images_of
from db.places import PlacedImage, place_images, reopen_named
from db.states import FileState
from db.tables import Arrival, File, Prediction
from db.upsert import insert_missing
from db.worklist_items import refresh_files

logger = logging.getLogger(__name__)

# The bare table: an update through the mapper takes several times as long.
_FILE = cast("SqlTable", File.__table__)

_LEASED = (FileState.QUEUED, FileState.RUNNING)


@dataclass(frozen=True)
class Outcome:
    """What became of one image of a file in a worker: a result, or the reason for rejecting the file.

    Attributes
    ----------
    place
        Where in a study it belongs, also if it is rejected; None where the file does not say.
    """

    file_id: int
    probability: float | None = None
    label: str | None = None
    label_code: str | None = None
    label_reason: str | None = None
    domain_distance: float | None = None
    rejected: Reason | None = None
    warnings: str | None = None
    frame: int = 0
    place: Place | None = None


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


def expire_leases(session: Session, max_attempts: int) -> Sequence[int]:
    """Queued and running files whose lease ran out wait again, or are quarantined; returns their ids."""
    expired = File.state.in_(_LEASED) & (File.lease_expires_at < now())
    return _wait_or_quarantine(session, expired, max_attempts)


def renew_leases(session: Session, lease: timedelta, *, only_absurd: bool) -> None:
    """Let the leases of queued and running files begin anew.

    Parameters
    ----------
    only_absurd
        Only those that end later than any that this clock can have given: the clock was set back since.
        What slack there is lets the clocks of several machines differ.
    """
    leased: ColumnElement[bool] = File.state.in_(_LEASED)
    if only_absurd:
        leased &= File.lease_expires_at > now() + 2 * lease
    session.execute(update(_FILE).where(leased).values(lease_expires_at=now() + lease))


def next_chunks(
    session: Session,
    chunks: int,
    chunk_size: int,
    lease: timedelta,
    *,
    stat: bool = False,
    again: bool = False,
    full_only: bool = False,
) -> list[list[int]]:
    """Move waiting files to `queued`; returns their ids in chunks, oldest first.

    Those that have no result yet, of these only those that go before the others (`stat`), or those that are
    to be classified `again`.
    With `full_only`, files that do not fill a chunk go on waiting.
    A file that a worker did not come back from travels alone, so that one bad file cannot take
    others down with it a second time.
    """
    waiting = session.execute(
        select(File.id, File.attempts)
        .where(
            File.state == FileState.RECEIVED,
            File.finished_at.is_not(None) if again else File.finished_at.is_(None),
            *((File.stat,) if stat else ()),
        )
        .order_by(*(() if stat else (File.finished_at,)), File.id)  # as the indexes have them
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
        state=FileState.QUEUED,
        lease_expires_at=now() + lease,
    )
    return made


def unqueue(session: Session, file_ids: Sequence[int]) -> None:
    """Files that could not be published wait again."""
    session.execute(
        update(File)
        .where(File.id.in_(file_ids), File.state == FileState.QUEUED)
        .values(state=FileState.RECEIVED, lease_expires_at=None)
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
    """A file that a task has taken.

    Attributes
    ----------
    waits_since
        When it arrived or was put back to be tried again; None if it has a result already.
    of_study
        Whether a person named the study that it is of.
    """

    id: int
    sha256: str
    waits_since: datetime | None
    of_study: bool = False


def claim(
    session: Session, file_ids: Sequence[int], claimant: Claimant, lease: timedelta, max_attempts: int
) -> list[Claimed]:
    """Take the files of one task before any of their bytes is read.

    Counts the attempt first, so that a file that kills the worker is known by its count. A redelivered
    message finds its own files `running`: the worker died. If it held several, they are released to
    travel one by one; one that was there too often is quarantined. One that was alone when it happened a
    second time waits until its lease runs out, so that whoever kills workers again and again for a while
    does not bring an innocent file into quarantine. Files that an earlier try of the task left `running`
    cost no attempt: that try ended with an error of the database, and nobody died.
    """
    mine = session.execute(
        select(
            *(File.id, File.sha256, File.attempts, File.state, File.claimed_by),
            *(File.received_at, File.requeued_at, File.finished_at),
            exists().where(Arrival.file_id == File.id, Arrival.study_id.is_not(None)).label("of_study"),
        )
        .where(
            File.id.in_(file_ids),
            or_(
                File.state == FileState.QUEUED,
                (File.state == FileState.RUNNING)
                & File.claimed_by.startswith(f"{claimant.task_id}:", autoescape=True),
            ),
        )
        .order_by(File.id)
        .with_for_update(key_share=True)  # as the foreign keys of new arrivals do, or the two deadlock
    ).all()
    # A message that came twice can be behind its own next try, which has the files then.
    mine = [row for row in mine if row.state == FileState.QUEUED or not claimant.is_before(row.claimed_by)]
    died = [row.id for row in mine if row.claimed_by == str(claimant)]
    if died and (len(mine) > 1 or mine[0].attempts >= max_attempts):
        _wait_or_quarantine(session, File.id.in_(died), max_attempts)
        mine = [row for row in mine if row.id not in died]
    elif died and mine[0].attempts > 1:
        return []
    running = {"state": FileState.RUNNING, "claimed_by": str(claimant), "lease_expires_at": now() + lease}
    begun = [row.id for row in mine if row.state == FileState.QUEUED or row.id in died]
    _set(session, begun, attempts=File.attempts + 1, **running)
    _set(session, [row.id for row in mine if row.id not in begun], **running)
    return [
        Claimed(
            id=row.id,
            sha256=row.sha256,
            waits_since=None if row.finished_at else row.requeued_at or row.received_at,
            of_study=row.of_study,
        )
        for row in mine
    ]


def release(session: Session, claimant: Claimant, only: Sequence[int] | None = None) -> None:
    """The files that this task holds (or `only` these) wait again, which costs them no attempt."""
    chosen = [] if only is None else [File.id.in_(only)]
    session.execute(
        update(_FILE)
        .where(File.state == FileState.RUNNING, File.claimed_by == str(claimant), *chosen)
        .values(state=FileState.RECEIVED, attempts=File.attempts - 1, claimed_by=None, lease_expires_at=None)
    )


def finish(
    session: Session, claimant: Claimant, outcomes: Iterable[Outcome], model: ModelStamp
) -> Sequence[int]:
    """Write what became of the files that this task still holds; returns their ids.

    Of a file that it lost meanwhile, since it stood still for longer than its lease, nothing is written: who
    holds it now decides, and a final state is never changed by who comes late.
    """
    moment, outcomes = now(), list(outcomes)
    held = write_results(session, claimant, outcomes, model, moment)
    outcomes = [outcome for outcome in outcomes if outcome.file_id in held]
    final = {"claimed_by": None, "lease_expires_at": None, "finished_at": moment}
    _set(
        session,
        sorted(outcome.file_id for outcome in outcomes if outcome.rejected is None),
        state=FileState.CLASSIFIED,
        reason_code=None,
        reason=None,
        warnings=None,
        **final,
    )
    for outcome in sorted(outcomes, key=lambda outcome: outcome.file_id):
        if outcome.rejected is None:
            if outcome.warnings is not None:
                _set(session, [outcome.file_id], warnings=outcome.warnings)
        else:
            code, text = outcome.rejected
            _set(
                session,
                [outcome.file_id],
                state=FileState.REJECTED,
                reason_code=code,
                reason=text,
                warnings=outcome.warnings,
                **final,
            )
    refresh_files(session, sorted(outcome.file_id for outcome in outcomes if outcome.place is None))
    return sorted(held)


def write_results(
    session: Session, claimant: Claimant, outcomes: Sequence[Outcome], model: ModelStamp, moment: datetime
) -> set[int]:
    """Write the results, and where the images belong, of files that this task still holds; returns their ids.

    The state of the files stays. Whoever changes it refreshes the items of those without a study then.
    """
    held = {
        row.id: row
        for row in session.execute(
            select(File.id, File.received_at, File.stat)
            .where(
                File.id.in_({outcome.file_id for outcome in outcomes}),
                File.claimed_by == str(claimant),
            )
            .order_by(File.id)
            .with_for_update(key_share=True)  # as in `claim`
        )
    }
    outcomes = sorted(
        (outcome for outcome in outcomes if outcome.file_id in held),
        key=lambda outcome: (outcome.file_id, outcome.frame),
    )
    place_images(
        session,
        [
            PlacedImage(
                one.file_id, one.frame, held[one.file_id].received_at, held[one.file_id].stat, one.place
            )
            for one in outcomes
            if one.place is not None
        ],
    )
    reopen_named(session, held)
    classified = [outcome for outcome in outcomes if outcome.rejected is None]
    images = images_of(session, [(outcome.file_id, outcome.frame) for outcome in classified])
    rows = [
        {
            "image_id": images[outcome.file_id, outcome.frame],
            "model_version": model.version,
            "weights_sha256": model.weights_sha256,
            "preprocessing_version": model.preprocessing_version,
            "label": outcome.label,
            "label_code": outcome.label_code,
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
        for outcome in classified
    ]
    insert_missing(session, Prediction, rows, ["image_id", "model_version"])
    return set(held)


def _wait_or_quarantine(session: Session, which: ColumnElement[bool], max_attempts: int) -> Sequence[int]:
    exhausted = (File.attempts >= max_attempts) & (File.state == FileState.RUNNING)
    reason = (
        f"The worker did not come back from this file {max_attempts} times, so it is kept aside. "
        "Look at the file."
    )
    released = session.execute(
        update(File)
        .where(which)
        .values(
            state=case((exhausted, FileState.QUARANTINED.value), else_=FileState.RECEIVED.value),
            reason_code=case((exhausted, ReasonCode.WORKER_LOST.value), else_=None),
            reason=case((exhausted, reason), else_=None),
            finished_at=case((exhausted, now()), else_=File.finished_at),
            claimed_by=None,
            lease_expires_at=None,
        )
        .returning(File.id, File.state)
    ).all()
    quarantined = [row.id for row in released if row.state == FileState.QUARANTINED]
    if quarantined:
        logger.warning(
            "%d files are quarantined, as their worker did not come back from them",
            len(quarantined),
            extra={"file_ids": quarantined},
        )
    return [row.id for row in released]


def _set(session: Session, file_ids: Sequence[int], **values: Any) -> None:  # noqa: ANN401 - values or SQL
    if file_ids:
        session.execute(update(_FILE).where(File.id.in_(file_ids)).values(**values))
