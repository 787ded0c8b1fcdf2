"""Signs of life of the workers: that each takes messages from its queue, not only that it runs.

A sign is the modification time of a file of the worker's name in `health` of the home. Those of the classify
workers never grow old (`scheduler.heartbeat`); a training worker is heard when it is given a run.
"""

import os
import time
from contextlib import suppress

from core.errors import WorkersDeaf
from core.home import Home
from core.queues import INFERENCE_QUEUE
from core.settings import Settings

LOOKS = 3
"""Looks at the marks for each heartbeat."""
_DAY_S = 86_400  # containers have other names each time, whose marks stay


def deaf_after(settings: Settings) -> float:
    """For how many seconds a worker may take no message: three heartbeats went unheard, and one look.

    A busy worker is heard more often: each chunk is a sign when it begins, and is given up after 30 s
    (worker/app.py).
    """
    return settings.heartbeat_seconds * (3 + 1 / LOOKS)


def mark_heard(home: Home, worker: str) -> None:
    """This worker has taken a message.

    A home that cannot be written ends no task: the mark grows old, which is what it is there for.
    """
    with suppress(OSError):
        (home.health / worker).touch(mode=0o600)


def last_heard(home: Home) -> dict[str, float]:
    """When each classify worker took its last message, in seconds since 1970, by its name."""
    heard = {}
    for path in home.health.glob(f"{INFERENCE_QUEUE}@*"):
        # Opened, since a network mount may tell an old time otherwise.
        with suppress(OSError), path.open() as file:
            heard[path.name] = os.fstat(file.fileno()).st_mtime
    return heard


def check_heard(settings: Settings, home: Home) -> None:
    """Raise unless a worker took a message lately.

    Raises
    ------
    WorkersDeaf
    """
    newest = max(last_heard(home).values(), default=None)
    age = None if newest is None else time.time() - newest
    if age is None or age > deaf_after(settings):
        since = "yet, as one takes some seconds to begin" if age is None else f"for {age:.0f} s"
        raise WorkersDeaf(
            f"No classify worker has taken a message {since}. One that is alive is deaf, and is started "
            "again within minutes: see worker.log."
        )


def heard_ages(home: Home) -> dict[str, float]:
    """For how many seconds each classify worker that was heard today has taken no message, by its name."""
    moment = time.time()
    ages = {worker: max(0.0, moment - heard) for worker, heard in last_heard(home).items()}
    return {worker: age for worker, age in ages.items() if age < _DAY_S}
