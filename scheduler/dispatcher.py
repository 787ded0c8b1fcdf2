"""The dispatcher: from rows that wait to tasks in the queue, and back again what was lost there."""

import logging
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import redis
from celery import Celery
from kombu.exceptions import OperationalError as PublishError
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.broker import queue_depth
from core.errors import BrokerUnusable
from core.queues import INFERENCE_QUEUE, STAT_QUEUE, TRAINING_QUEUE
from core.settings import Settings
from db.engine import now
from db.lifecycle import expire_leases, next_chunks, renew_leases, unqueue
from db.training_runs import renew_run_leases, run_to_publish
from scheduler.metrics import CHUNKS_PUBLISHED, TAKEN_BACK
from scheduler.retraining import request_due_run
from worker.app import CLASSIFY_TASK, TRAIN_TASK

logger = logging.getLogger(__name__)

# While files wait for room the queue is looked at again after these pauses; otherwise only for lost work.
_SHORTEST_S, _LONGEST_S = 0.05, 0.2
# With this many tasks waiting the workers are busy anyway, and files gather into full chunks meanwhile.
_KEEPS_WORKERS_BUSY = 4


class Dispatcher:
    """Publishes waiting files and training runs until `stop` is set; sleeps when there is nothing to do.

    Parameters
    ----------
    sweep_s
        How often it looks for lost work.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        app: Celery,
        client: redis.Redis,
        *,
        sweep_s: float = 5.0,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._app = app
        self._client = client
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._woken = threading.Event()
        self._started = now()
        self._sweep_s = sweep_s
        # If nobody could look for so long (database locked, clock set forward, machine asleep), the workers
        # could not finish theirs either: no lease ran meanwhile.
        self._missed = timedelta(seconds=3 * sweep_s)
        self._next_sweep = 0.0
        self._swept: datetime | None = None
        self._failing = False

    def wake(self) -> None:
        """There may be something to publish."""
        self._woken.set()

    def run(self, stop: threading.Event) -> None:
        """Dispatch until `stop` is set and `wake()` is called; outlasts a broker or database that is away."""
        pause = _SHORTEST_S
        while not stop.is_set():
            self._woken.clear()
            try:
                waiting = self.dispatch()
            except (BrokerUnusable, PublishError, DBAPIError) as error:
                if not self._failing:
                    logger.error("nothing is published until this ends: %s", error)  # noqa: TRY400 - no trace
                self._failing, waiting = True, False
            else:
                if self._failing:
                    logger.info("publishing again")
                self._failing = False
            pause = min(pause * 2, _LONGEST_S) if waiting else _SHORTEST_S
            self._woken.wait(pause if waiting else max(0.0, self._next_sweep - time.monotonic()))

    def dispatch(self) -> bool:
        """Publish what there is room for; returns whether to look again soon.

        Raises
        ------
        BrokerUnusable, kombu.exceptions.OperationalError, sqlalchemy.exc.DBAPIError
            Nothing is lost: what could not be published waits in the database.
        """
        if time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + self._sweep_s
            self._sweep()
        size, lease, most = self._settings.chunk_size, self._lease, self._settings.high_water_chunks
        if (room := most - queue_depth(self._client, STAT_QUEUE)) > 0:
            with Session(self._engine) as session, session.begin():
                urgent = next_chunks(session, room, size, lease, stat=True)
            self._publish(urgent, STAT_QUEUE)
        depth = queue_depth(self._client, INFERENCE_QUEUE)
        room = most - depth
        if room <= 0:
            return True
        with Session(self._engine) as session, session.begin():
            chunks = next_chunks(session, room, size, lease, full_only=depth >= _KEEPS_WORKERS_BUSY)
            # What has a result already never fills the queue: a new file would wait behind it.
            room = min(room, _KEEPS_WORKERS_BUSY - depth) - len(chunks)
            if room > 0:
                chunks += next_chunks(session, room, size, lease, again=True)
        self._publish(chunks, INFERENCE_QUEUE)
        return bool(chunks) or depth >= _KEEPS_WORKERS_BUSY

    def _sweep(self) -> None:
        moment = now()
        missed = self._swept is not None and moment - self._swept > self._missed
        with Session(self._engine) as session, session.begin():
            renew_leases(session, self._lease, only_absurd=not missed)
            renew_run_leases(session, self._lease, only_absurd=not missed)
            taken_back = expire_leases(session, self._settings.max_attempts)
            request_due_run(session, self._settings, self._started)
            run_id = run_to_publish(session, self._lease)
        self._swept = now()
        if taken_back:
            TAKEN_BACK.inc(len(taken_back))
            logger.warning(
                "%d files were not finished within their lease and wait again",
                len(taken_back),
                extra={"file_ids": taken_back},
            )
        if run_id is not None:
            self._app.send_task(TRAIN_TASK, args=[run_id], queue=TRAINING_QUEUE)
            logger.info("training run %d is published", run_id, extra={"run_id": run_id})

    def _publish(self, chunks: Sequence[list[int]], queue: str) -> None:
        published = 0
        try:
            for chunk in chunks:
                self._app.send_task(CLASSIFY_TASK, args=[chunk], queue=queue)
                published += 1
        finally:
            if published:
                CHUNKS_PUBLISHED.inc(published)
                sent = [file_id for chunk in chunks[:published] for file_id in chunk]
                logger.info(
                    "%d files are published in %d chunks",
                    *(len(sent), published),
                    extra={"file_ids": sent, "chunks": published},
                )
            if published < len(chunks):
                unsent = [file_id for chunk in chunks[published:] for file_id in chunk]
                with Session(self._engine) as session, session.begin():
                    unqueue(session, unsent)
