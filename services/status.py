"""The state of the running system."""

from typing import Any

from core.broker import broker_url, check_takes_messages, queue_depth, redis_client
from core.errors import BrokerAway, HeadctError, NotRunning, WorkersDeaf
from core.heartbeat import check_heard, heard_ages
from core.queues import QUEUES
from db.engine import now, read_session
from db.queries import counts_by_state, oldest_unfinished
from db.training_runs import check_begun
from scheduler.pause import pause_shown
from scheduler.room import Disks
from services.context import Context
from services.models import model_in_use
from services.supervision import check_parts, ended_parts
from worker.app import create_app

# Workers that do not answer within this time (in seconds) are not alive for a person who waits.
_PING_S = 1.0


def read_state(context: Context) -> dict[str, Any]:
    """Counts by state, intake, disk, queue depths (None: no broker), workers, oldest age, model; errors."""
    settings, home = context.settings, context.home
    with read_session(context.engine) as session:
        counts, oldest = counts_by_state(session), oldest_unfinished(session)
    queues: dict[str, int] | None = None
    workers: list[str] | None = None
    version: str | None = None
    problems: list[HeadctError] = []
    disks = Disks(settings, home)
    room = disks.least_room()
    paused = disks.shortage(room) or pause_shown(home)
    if paused:
        problems.append(HeadctError(f"The intake pauses: {paused}."))
    ended = ended_parts(home)
    try:
        check_parts(context, ended)
    except HeadctError as error:
        problems.append(error)
    try:
        client = redis_client(broker_url(settings, home))
        queues = {queue: queue_depth(client, queue) for queue in QUEUES}
        check_takes_messages(client)
        workers = sorted(create_app(settings, home).control.inspect(timeout=_PING_S).ping() or {})
        check_heard(settings, home)
    except HeadctError as error:
        stopped = any(isinstance(problem, NotRunning) for problem in problems)
        if not (stopped and isinstance(error, (BrokerAway, WorkersDeaf))):  # as is to be expected then
            problems.append(error)
    try:
        with read_session(context.engine) as session:
            check_begun(session)
    except HeadctError as error:
        problems.append(error)
    try:
        version = model_in_use(context).card.version
    except HeadctError as error:
        problems.append(error)
    return {
        "files": counts,
        "intake_paused": paused,
        "scheduler_runs": "scheduler" not in ended if ended is not None else None,
        "free_mb": room.free_mb,
        "free_mb_below": str(room.folder),
        "queues": queues,
        "workers": workers,
        "heard_seconds_ago": {worker: round(age, 1) for worker, age in heard_ages(home).items()},
        "oldest_unfinished_seconds": round((now() - oldest).total_seconds(), 1) if oldest else None,
        "model_version": version,
        "problems": problems,
    }
