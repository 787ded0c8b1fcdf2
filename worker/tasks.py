"""The two tasks. Arguments are ids only: names and paths can identify a patient."""

from typing import Any

from celery import shared_task
from sqlalchemy.exc import InterfaceError, OperationalError

from db.lifecycle import Claimant
from worker.app import CLASSIFY_TASK, CLASSIFY_TIME_LIMIT_S, TRAIN_TASK
from worker.classification import classify_chunk
from worker.process import current_process
from worker.training_run import run_training

_LONGEST_WAIT_S = 30


@shared_task(name=CLASSIFY_TASK, bind=True, time_limit=CLASSIFY_TIME_LIMIT_S, max_retries=None)
def classify_scans(task: Any, scan_ids: list[int]) -> None:  # noqa: ANN401 - Celery's task is untyped
    """Classify the scans with these ids; tried again for as long as the database does not answer."""
    process, request = current_process(), task.request
    if process.model is None:
        raise RuntimeError("this worker serves no model; it was not started on queue inference")
    try:
        classify_chunk(
            process.engine,
            process.model.take(),
            process.settings,
            process.home,
            scan_ids,
            Claimant(request.id, request.retries),
        )
    except (OperationalError, InterfaceError) as error:
        raise task.retry(exc=error, countdown=min(2**request.retries, _LONGEST_WAIT_S)) from error


@shared_task(name=TRAIN_TASK, acks_late=False)
def train_model(run_id: int) -> None:
    """Do the training run with this id, unless it is done or under way; its row decides, not this message."""
    process = current_process()
    run_training(process.engine, process.settings, process.home, run_id)
