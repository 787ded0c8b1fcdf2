"""How `headct up` runs the parts: checks first, then supervisord in its place."""

import contextlib
import os
import shlex
import sys

import typer
from rich.console import Console

from cli.conversion import convert_versions
from cli.extras import can_train
from cli.parts import PARENT
from cli.streams import ReaderGone
from core.broker import broker_url, queue_depth, redis_client
from core.errors import OutputLost
from core.home import Home
from core.lock import acquire
from core.queues import INFERENCE_QUEUE, TRAINING_QUEUE
from core.settings import Settings
from db.migrate import migrate
from scheduler.inbox import check_inbox
from scheduler.metrics import metrics_port
from services.context import Context
from services.models import check_can_classify, record_shipped_version
from services.supervised import SUPERVISOR_PASSWORD
from worker.flower import flower_password, flower_port

# The parts stop side by side, Redis after them, all within the 10 s that `up` promises.
_STOP_PARTS_S, _STOP_REDIS_S = 5, 2

# Paths come by the environment: in the file itself some of their characters would begin a comment.
_COMMAND, _SOCKET = "_HEADCT_COMMAND", "_HEADCT_SOCKET"

_SUPERVISORD = """\
[supervisord]
nodaemon=true
silent=false
loglevel=info
logfile=%(ENV_HEADCT_HOME)s/logs/supervisord.log
logfile_maxbytes=5MB
logfile_backups=2
pidfile=%(ENV_HEADCT_HOME)s/run/supervisord.pid
childlogdir=%(ENV_HEADCT_HOME)s/logs
{user}

[unix_http_server]
file=%(ENV__HEADCT_SOCKET)s
username=headct
password={password}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""

# Supervisor expands the name of a log twice, hence %%.
_PROGRAM = """
[program:{name}]
command=%(ENV__HEADCT_COMMAND)s {command}
autorestart=true
startsecs=10
startretries=1000000
stopsignal=TERM
stopwaitsecs={stop_s}
killasgroup=true
redirect_stderr=true
stdout_logfile=%%(ENV_HEADCT_HOME)s/logs/{name}.log
stdout_logfile_maxbytes=5MB
stdout_logfile_backups=3
"""

_GROUP = """
[group:{name}]
programs={programs}
priority={priority}
"""


def supervise(context: Context) -> None:
    """Check, migrate, say where everything is, and become the supervisor; does not return.

    Raises
    ------
    HeadctError
        What would keep a part from running, before anything is started.
    """
    settings, home = context.settings, context.home
    os.set_inheritable(acquire(home.run / "up.lock", "`headct up`"), True)  # the supervisor takes it over
    check_inbox(home.inbox)
    if settings.broker_url:
        queue_depth(redis_client(broker_url(settings, home)), INFERENCE_QUEUE)
    migrate(context.engine)
    record_shipped_version(context)
    convert_versions(home)
    if told := check_can_classify(context):
        typer.echo(f"headct: {told}", err=True)
    os.environ["HEADCT_FLOWER_PORT"] = str(flower_port(settings))
    os.environ["HEADCT_METRICS_PORT"] = str(metrics_port(settings))
    tell_supervisor(home)
    with contextlib.suppress(OutputLost, ReaderGone):  # headct may start where its output is on a full disk
        _say_where(context)
        sys.stdout.flush()
    file = home.run / "supervisord.conf"
    file.write_text(configuration(settings, home.secret(SUPERVISOR_PASSWORD)))
    context.engine.dispose()
    os.execv(  # noqa: S606 - our own interpreter
        sys.executable,
        [sys.executable, "-I", "-m", "cli.supervisor", "--nodaemon", "-c", str(file)],
    )


def tell_supervisor(home: Home) -> None:
    """Put into the environment what the configuration names by it."""
    os.environ["HEADCT_HOME"] = str(home.root)
    os.environ[PARENT] = str(os.getpid())  # which exec keeps
    os.environ[_SOCKET] = str(home.supervisor_socket)
    os.environ[_COMMAND] = f"{shlex.quote(sys.executable)} -I -m cli"


def configuration(settings: Settings, password: str) -> str:
    """What supervisord is to run, in its own format."""
    parts = {
        "scheduler": "watch",
        "worker": f"worker --queue {INFERENCE_QUEUE}",
        "flower": "flower",
    }
    if can_train():
        parts["training"] = f"worker --queue {TRAINING_QUEUE}"
    user = "user=root" if os.getuid() == 0 else ""  # says that root is meant
    text = _SUPERVISORD.format(user=user, password=password)
    if not settings.broker_url:
        text += _PROGRAM.format(name="redis", command="redis", stop_s=_STOP_REDIS_S)
        text += _GROUP.format(name="broker", programs="redis", priority=1)
    for name, command in parts.items():
        text += _PROGRAM.format(name=name, command=command, stop_s=_STOP_PARTS_S)
    return text + _GROUP.format(name="headct", programs=",".join(parts), priority=2)


def _say_where(context: Context) -> None:
    settings, home = context.settings, context.home
    flower = f"{settings.flower_address}:{os.environ['HEADCT_FLOWER_PORT']}"
    metrics = f"{settings.metrics_address}:{os.environ['HEADCT_METRICS_PORT']}"
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"Inbox     {home.inbox}", markup=False)
    console.print(f"Database  {context.engine.url.render_as_string(hide_password=True)}", markup=False)
    console.print(f"Flower    http://{flower}", markup=False)
    console.print(f"          user {settings.flower_user}, {_say_password(settings, home)}", markup=False)
    console.print(f"Metrics   http://{metrics}/metrics", markup=False)
    console.print(f"Logs      {home.logs}", markup=False)
    if not can_train():
        console.print("Training  not installed: TensorFlow is missing (`make up` installs it)", markup=False)
    console.print("Drop images into the inbox; `headct results` shows what became of them. Ctrl-C stops.")


def _say_password(settings: Settings, home: Home) -> str:
    password = flower_password(settings, home)
    if sys.stdout.isatty():  # elsewhere it would be kept in a log
        return f"password {password}"
    if settings.flower_password:
        return "password of HEADCT_FLOWER_PASSWORD"
    return f"password in {home.secrets / 'flower_password'}"
