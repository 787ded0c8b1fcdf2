"""The heartbeat: a message through the queue, now and then, to see that somebody takes it.

A worker that runs, and answers a ping, can still be deaf: its consumer is lost, or its processes hang. So
what counts is that a classify process took a message. It says so by its mark (core/heartbeat.py), for a
heartbeat as for a chunk: a busy queue needs no heartbeat.
"""

import logging
import threading
import time
from contextlib import suppress

import redis
from celery import Celery
from kombu.exceptions import OperationalError as PublishError

from core.broker import queue_depth
from core.errors import BrokerUnusable
from core.heartbeat import LOOKS, deaf_after, last_heard
from core.home import Home
from core.queues import INFERENCE_QUEUE
from core.settings import Settings
from worker.app import HEARTBEAT_TASK

logger = logging.getLogger(__name__)


class Heartbeat:
    """Sends heartbeats and listens for their answers, until `stop` is set."""

    def __init__(self, settings: Settings, app: Celery, client: redis.Redis, home: Home) -> None:
        self._interval, self._deaf_after = settings.heartbeat_seconds, deaf_after(settings)
        self._app, self._client, self._home = app, client, home
        self._marks = last_heard(home)
        # By the clock of this process: the wall clock may be set, and marks can be another machine's.
        self._heard = time.monotonic()
        self._next_beat = 0.0
        self._deaf = False

    def age(self) -> float:
        """Seconds since a classify worker took a message, or since this process began."""
        marks = last_heard(self._home)
        if marks != self._marks:
            self._marks, self._heard = marks, time.monotonic()
        return time.monotonic() - self._heard

    def run(self, stop: threading.Event) -> None:
        """Look every few seconds."""
        while not stop.wait(self._interval / LOOKS):
            # Without Redis no worker can hear; the dispatcher says that it is away.
            with suppress(BrokerUnusable, PublishError):
                self.beat()

    def beat(self) -> None:
        """Send a heartbeat if nothing was heard for a while, and say once if that is too long.

        Only into an empty queue: what waits there already is as good a test, and so heartbeats never pile up.

        Raises
        ------
        BrokerUnusable, kombu.exceptions.OperationalError
        """
        age = self.age()
        waiting = queue_depth(self._client, INFERENCE_QUEUE)
        deaf = age >= self._deaf_after
        if deaf and not self._deaf:
            logger.error(
                "no classify worker has taken a message for %d s, %d wait: none runs, or it is deaf. "
                "See `headct status`.",
                *(age, waiting),
                extra={"heartbeat_age_s": round(age, 1), "waiting": waiting},
            )
        elif self._deaf and not deaf:
            logger.info("a classify worker takes messages again")
        self._deaf = deaf
        due = age >= self._interval or not self._next_beat
        if due and waiting == 0 and time.monotonic() >= self._next_beat:
            self._next_beat = time.monotonic() + self._interval
            self._app.send_task(HEARTBEAT_TASK, queue=INFERENCE_QUEUE)
