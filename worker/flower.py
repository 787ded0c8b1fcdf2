"""Flower: the web page of the queue's jobs."""

import os

from core.home import Home
from core.ports import free_port
from core.secret import kept_secret
from core.settings import Settings
from worker.app import create_app

# Jobs that the page remembers: enough for a day's look back in less than 100 MB.
_REMEMBERED_TASKS = 10_000


def flower_password(settings: Settings, home: Home) -> str:
    """The configured password, or the generated one."""
    if settings.flower_password:
        return settings.flower_password.get_secret_value()
    return kept_secret(home, "flower_password")


def flower_port(settings: Settings) -> int:
    """The port that Flower will listen on.

    Raises
    ------
    PortTaken
    """
    return free_port("Flower", "HEADCT_FLOWER", settings.flower_address, settings.flower_port)


def run_flower(settings: Settings, home: Home) -> None:
    """Serve Flower until SIGTERM.

    Raises
    ------
    PortTaken
    """
    app = create_app(settings, home)
    from flower.urls import handlers  # noqa: PLC0415 - with a web server, which `up` does without

    # They ask for no password; headct has metrics of its own.
    handlers[:] = [handler for handler in handlers if not _is_metrics(handler)]
    # By the environment, since the arguments of a process are visible to every user.
    os.environ["FLOWER_BASIC_AUTH"] = f"{settings.flower_user}:{flower_password(settings, home)}"
    app.start(
        [
            "flower",
            f"--address={settings.flower_address}",
            f"--port={flower_port(settings)}",
            f"--read_only={settings.flower_read_only}",
            f"--max_tasks={_REMEMBERED_TASKS}",
            f"--conf={os.devnull}",  # else it runs a flowerconfig.py of the folder that it is started in
        ]
    )


def _is_metrics(handler: object) -> bool:
    return isinstance(handler, tuple) and handler[0] == "/metrics"
