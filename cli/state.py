"""The state of the running system, for `headct status`."""

from typing import Any

from cli.context import Context
from cli.model_in_use import model_in_use
from core.broker import broker_url, check_takes_messages, queue_depth, redis_client
from core.errors import HeadctError
from core.heartbeat import check_heard, heard_ages
from core.queues import INFERENCE_QUEUE, TRAINING_QUEUE
from db.engine import now, reading
from db.queries import counts_by_state, oldest_unfinished
from db.training_runs import check_begun
from scheduler.pause import pause_shown
from scheduler.room import Disks
from worker.app import create_app

# Workers that do not answer within this time (in seconds) are not alive for a person who waits.
_PING_S = 1.0


def read_state(context: Context) -> dict[str, Any]:
    """Counts by state, intake, disk, queue depths (None without a broker), workers, oldest age, model."""
    settings, home = context.settings, context.home
    with reading(context.engine) as session:
        counts, oldest = counts_by_state(session), oldest_unfinished(session)
    queues: dict[str, int] | None = None
    workers: list[str] = []
    version, problems = None, []
    disks = Disks(settings, home)
    room = disks.least_room()
    paused = disks.shortage(room) or pause_shown(home)
    if paused:
        problems.append(f"The intake pauses: {paused}.")
    try:
        client = redis_client(broker_url(settings, home))
        queues = {queue: queue_depth(client, queue) for queue in (INFERENCE_QUEUE, TRAINING_QUEUE)}
        check_takes_messages(client)
        workers = sorted(create_app(settings, home).control.inspect(timeout=_PING_S).ping() or {})
        check_heard(settings, home)
    except HeadctError as error:
        problems.append(str(error))
    try:
        with reading(context.engine) as session:
            check_begun(session)
    except HeadctError as error:
        problems.append(str(error))
    try:
        version = model_in_use(context).card.version
    except HeadctError as error:
        problems.append(str(error))
    return {
        "scans": counts,
        "intake_paused": paused,
        "free_mb": room.free_mb,
        "free_mb_below": str(room.folder),
        "queues": queues,
        "workers": workers,
        "heard_seconds_ago": {worker: round(age, 1) for worker, age in heard_ages(home).items()},
        "oldest_unfinished_seconds": round((now() - oldest).total_seconds(), 1) if oldest else None,
        "model_version": version,
        "problems": problems,
    }


def print_state(state: dict[str, Any]) -> None:
    """Print what `read_state` found."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for name, count in state["scans"].items():
        table.add_row(name, str(count))
    table.add_row("intake", "pauses" if state["intake_paused"] else "takes files")
    table.add_row("free disk", Text(f"{state['free_mb']} MiB below {state['free_mb_below']}"))
    queues = state["queues"] or {}
    table.add_row("queue", ", ".join(f"{name} {depth}" for name, depth in queues.items()) or "unknown")
    table.add_row("workers alive", ", ".join(state["workers"]) or "none: start `headct up`")
    for worker, age in state["heard_seconds_ago"].items():
        table.add_row("took a message", f"{worker}, {age:.0f} s ago")
    oldest = state["oldest_unfinished_seconds"]
    table.add_row("oldest unfinished", "nothing waits" if oldest is None else f"{oldest:.0f} s")
    table.add_row("model in use", state["model_version"] or "none")
    console = Console()
    console.print(table)
    for problem in state["problems"]:
        console.print(problem, style="red", markup=False)
