"""Ends a worker that runs but takes nothing from its queue, so that it is started again.

Celery can lose its consumer when Redis goes and comes back, and its processes can hang; nothing of this ends
the worker by itself.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import redis

from core.broker import queue_depth
from core.errors import BrokerUnusable
from core.heartbeat import LOOKS
from core.settings import Settings

logger = logging.getLogger(__name__)

_LOOKS = 8 * LOOKS
"""So often in a row messages wait and this worker gives no sign: for 8 heartbeats (two minutes), in which the
slowest chunk is long given up (`CLASSIFY_TIME_LIMIT_S`). A training run gives signs all the while. Looks are
counted: a machine may have slept."""
_LOOKS_AT_FIRST = 4 * _LOOKS
"""Until it has taken its first message its processes may still load the network, on a slow disk or a busy
machine. Ended too soon, it would never come to work at all."""


class Watchdog:
    """Looks whether messages wait that this worker does not take.

    Parameters
    ----------
    queue
        That it serves.
    mark
        The file that the worker touches when it takes a message.
    """

    def __init__(self, settings: Settings, client: redis.Redis, queue: str, mark: Path) -> None:
        self._pause = settings.heartbeat_seconds / LOOKS
        self._client, self._queue, self._mark = client, queue, mark
        self._heard_at_first = self._heard = self._when_heard()
        self._looks = 0

    def look(self) -> bool:
        """Look once; returns whether the worker is deaf."""
        try:
            heard = self._when_heard()
            # Where no mark can be made, none says anything.
            waiting = queue_depth(self._client, self._queue) > 0 and os.access(self._mark.parent, os.W_OK)
        except (BrokerUnusable, OSError):
            heard, waiting = None, False
        self._looks = self._looks + 1 if waiting and heard == self._heard else 0
        self._heard = heard
        return self._looks >= (_LOOKS_AT_FIRST if heard == self._heard_at_first else _LOOKS)

    def _when_heard(self) -> int | None:
        return self._mark.stat().st_mtime_ns if self._mark.exists() else None

    def follow(self, children: Callable[[], Sequence[int]]) -> None:
        """From now on look by a thread, and end this process and its children when it is deaf."""
        threading.Thread(target=self._follow, args=(children,), name="watchdog", daemon=True).start()

    def _follow(self, children: Callable[[], Sequence[int]]) -> None:
        while not self.look():
            time.sleep(self._pause)
        logger.critical("this worker ends, since it takes no messages although some wait; nothing is lost")
        # Outright: what does not listen does not stop softly either. What it held comes back by its lease.
        try:
            for child in children():
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
