"""How `headct up` runs the parts: checks first, then supervisord in its place, which tells of them."""

import os
import shlex
import socket
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

from core.broker import broker_url, queue_depth, redis_client
from core.errors import HeadctError, NotRunning
from core.home import Home
from core.lock import acquire
from core.parent import PARENT
from core.ports import free_port
from core.queues import INFERENCE_QUEUE, TRAINING_QUEUE
from core.secret import kept_secret
from core.settings import Settings
from scheduler.inbox import check_inbox
from services.context import Context
from services.extras import can_train
from services.models import record_shipped_version

SUPERVISOR_PASSWORD = "supervisor_password"  # noqa: S105 - the name of the secret
_PATIENCE_S = 5.0
_ENDED = {"BACKOFF", "EXITED", "FATAL", "STOPPED", "UNKNOWN"}
"""States in which a part does not run, and did not only just begin to
(https://supervisord.org/subprocess.html#process-states)."""

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


def prepare(context: Context) -> None:
    """Check, and migrate, before anything is started.

    Raises
    ------
    HeadctError
        What would keep a part from running.
    """
    from db.migrate import migrate  # noqa: PLC0415 - slow, and not for `ended_parts`

    settings, home = context.settings, context.home
    os.set_inheritable(acquire(home.run / "up.lock", "`headct up`"), True)  # the supervisor takes it over
    check_inbox(home.inbox)
    if settings.broker_url:
        queue_depth(redis_client(broker_url(settings, home)), INFERENCE_QUEUE)
    migrate(context.engine)
    record_shipped_version(context)


class Ports(NamedTuple):
    """That the parts of `headct up` listen on."""

    web: int
    flower: int
    metrics: int


def take_ports(settings: Settings) -> Ports:
    """The ports, which the parts are told by the environment.

    Raises
    ------
    PortTaken
    """
    from scheduler.metrics import metrics_port  # noqa: PLC0415 - as above
    from worker.flower import flower_port  # noqa: PLC0415

    ports = Ports(
        free_port("The web page", "HEADCT_WEB", settings.web_address, settings.web_port),
        flower_port(settings),
        metrics_port(settings),
    )
    for name, port in ports._asdict().items():
        os.environ[f"HEADCT_{name.upper()}_PORT"] = str(port)
    return ports


def become_supervisor(context: Context) -> NoReturn:
    """Run the parts in this process's place."""
    home = context.home
    tell_supervisor(home)
    file = home.run / "supervisord.conf"
    file.write_text(configuration(context.settings, kept_secret(home, SUPERVISOR_PASSWORD)))
    context.engine.dispose()
    os.execv(  # noqa: S606 - our own interpreter
        sys.executable,
        [sys.executable, "-I", "-m", "services.supervisor", "--nodaemon", "-c", str(file)],
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
        "web": "web",
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


def check_parts(context: Context, ended: Sequence[str] | None) -> None:
    """Raise if a part of `headct up` does not run, or none does and their Redis with them.

    Parameters
    ----------
    ended
        As `ended_parts` gives it.

    Raises
    ------
    NotRunning, HeadctError
    """
    if ended is None and not context.settings.broker_url:
        raise NotRunning(f"headct does not run on {context.home.root}: nothing is taken in or classified.")
    if ended:
        logs = ", ".join(str(context.home.logs / f"{part}.log") for part in ended)
        raise HeadctError(
            f"{', '.join(ended)} ended, and is started again and again. The end of {logs} says why."
        )


def ended_parts(home: Home) -> list[str] | None:
    """Names of the parts that ended, and may be started again and again; None where `up` does not run."""
    if not home.supervisor_socket.exists():
        return None
    password = kept_secret(home, SUPERVISOR_PASSWORD)
    # With a library of its own, for this one question.
    from xmlrpc.client import Error, ServerProxy  # noqa: PLC0415

    from supervisor.xmlrpc import SupervisorTransport  # noqa: PLC0415

    transport = SupervisorTransport("headct", password, f"unix://{home.supervisor_socket}")
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_PATIENCE_S)  # the transport takes none
    try:
        supervisor: Any = ServerProxy("http://localhost", transport).supervisor
        told = supervisor.getAllProcessInfo()
    except (OSError, Error):  # it stops, or never ran
        return None
    finally:
        socket.setdefaulttimeout(before)
    return [part["name"] for part in told if part["statename"] in _ENDED]
