"""The tasks. Arguments are ids only: names and paths can identify a patient."""

import logging
import time
from functools import partial
from typing import Annotated, Any

from celery import shared_task
from msgspec import Meta

from core.errors import NetworkFailed, StoreUnavailable
from core.heartbeat import mark_heard
from db.engine import MAX_IDS, UNAVAILABLE
from db.lifecycle import Claimant
from worker.app import CLASSIFY_TASK, CLASSIFY_TIME_LIMIT_S, HEARTBEAT_TASK, TRAIN_TASK
from worker.classification import classify_chunk
from worker.metrics import REDELIVERED, RETRIED
from worker.process import current_process
from worker.training_run import Trainer, run_training

logger = logging.getLogger(__name__)

_LONGEST_WAIT_S = 30
# Without its store or its network a worker would otherwise take each message at once, also those that others
# could do.
_UNABLE_WAIT_S = 5
RowId = Annotated[int, Meta(ge=1, le=2**63 - 1)]
"""Of a row in the database. `worker.admission` drops a message whose arguments are of other types."""
FileIds = Annotated[list[RowId], Meta(max_length=MAX_IDS)]


@shared_task(
    name=CLASSIFY_TASK,
    bind=True,
    time_limit=CLASSIFY_TIME_LIMIT_S,
    autoretry_for=UNAVAILABLE,
    max_retries=None,
    retry_backoff=True,  # 1, 2, 4, ... seconds
    retry_backoff_max=_LONGEST_WAIT_S,
    retry_jitter=False,
)
def classify_files(task: Any, file_ids: FileIds) -> None:  # noqa: ANN401 - Celery's task is untyped
    """Classify the files with these ids; tried again for as long as the database does not answer."""
    process, request = current_process(), task.request
    if process.model is None:
        raise RuntimeError("this worker serves no model; it was not started on queue inference")
    mark_heard(process.home, request.hostname)
    if request.delivery_info["redelivered"]:
        REDELIVERED.inc()
    try:
        classify_chunk(
            process.engine,
            process.model.current(),
            process.settings,
            process.home,
            file_ids,
            Claimant(request.id, request.retries),
        )
    except (StoreUnavailable, NetworkFailed) as error:
        logger.error("%s Its files wait again.", error, extra={"file_ids": file_ids})  # noqa: TRY400 - the cause is in it
        time.sleep(_UNABLE_WAIT_S)
    except UNAVAILABLE:
        RETRIED.inc()
        logger.warning("the database does not answer, a chunk is tried again", extra={"file_ids": file_ids})
        raise


# Without events: nobody looks for it in Flower. Acked early: a lost one is followed by the next.
@shared_task(name=HEARTBEAT_TASK, bind=True, acks_late=False, send_events=False)
def heartbeat(task: Any) -> None:  # noqa: ANN401 - Celery's task is untyped
    """Say that this worker takes messages."""
    mark_heard(current_process().home, task.request.hostname)


@shared_task(name=TRAIN_TASK, bind=True, acks_late=False)
def train_model(task: Any, run_id: RowId) -> None:  # noqa: ANN401 - Celery's task is untyped
    """Do the training run with this id, unless it is done or under way; its row decides, not this message."""
    process = current_process()
    sign = partial(mark_heard, process.home, task.request.hostname)
    sign()
    run_training(Trainer(process.engine, run_id, sign), process.settings, process.home)
