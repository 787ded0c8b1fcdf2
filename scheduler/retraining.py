"""Training runs that nobody asks for by hand: by the clock, and after so many new labels."""

import logging
from datetime import UTC, datetime

from celery.schedules import crontab
from sqlalchemy.orm import Session

from core.settings import Settings
from db.readings import count_new_labels
from db.training_runs import (
    BY_LABELS,
    BY_SCHEDULE,
    RunRequest,
    last_request,
    request_run,
    unfinished_run,
)

logger = logging.getLogger(__name__)

_SEED = 1
_EVER = datetime.min.replace(tzinfo=UTC)


def request_due_run(session: Session, settings: Settings, started: datetime) -> int | None:
    """Request a run if the schedule or the new labels ask for one and none is unfinished; returns its id.

    Parameters
    ----------
    started
        When the scheduler began: the schedule counts from then where no run of it has been yet.
    """
    cause = _cause(session, settings, started)
    if cause is None or unfinished_run(session) is not None:
        return None
    run_id = request_run(session, RunRequest(_SEED, epochs=None, promote=True, requested_by=cause))
    logger.info("training run %d is requested by %s", run_id, cause, extra={"run_id": run_id})
    return run_id


def _cause(session: Session, settings: Settings, started: datetime) -> str | None:
    if settings.retrain_cron is not None:
        schedule = crontab.from_string(settings.retrain_cron)  # in UTC, as Celery's own default
        last = last_request(session, BY_SCHEDULE) or started
        if schedule.remaining_estimate(last).total_seconds() <= 0:
            return BY_SCHEDULE
    if settings.retrain_after_labels:
        since = last_request(session) or _EVER
        if count_new_labels(session, since) >= settings.retrain_after_labels:
            return BY_LABELS
    return None
