"""Flower: the web page of the queue's jobs."""

import os
import socket

from core.errors import PortTaken
from core.home import Home
from core.settings import Settings
from worker.app import create_app

# Jobs that the page remembers: enough for a day's look back in less than 100 MB.
_REMEMBERED_TASKS = 10_000


def flower_password(settings: Settings, home: Home) -> str:
    """The configured password, or the generated one."""
    if settings.flower_password:
        return settings.flower_password.get_secret_value()
    return home.secret("flower_password")


def free_port(settings: Settings) -> int:
    """The configured port if it is free, or any free one where 0 is configured.

    Raises
    ------
    PortTaken
    """
    family = socket.AF_INET6 if ":" in settings.flower_address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.flower_address, settings.flower_port))
        except OSError as error:
            raise PortTaken(
                f"Flower cannot listen on {settings.flower_address}:{settings.flower_port} "
                f"({error.strerror}). Free the port or correct HEADCT_FLOWER_ADDRESS, or set "
                "HEADCT_FLOWER_PORT to another (0: any free one)."
            ) from error
        return int(probe.getsockname()[1])


def run_flower(settings: Settings, home: Home) -> None:
    """Serve Flower until SIGTERM.

    Raises
    ------
    PortTaken
    """
    app = create_app(settings, home)
    # By the environment, since the arguments of a process are visible to every user.
    os.environ["FLOWER_BASIC_AUTH"] = f"{settings.flower_user}:{flower_password(settings, home)}"
    app.start(
        [
            "flower",
            f"--address={settings.flower_address}",
            f"--port={free_port(settings)}",
            f"--read_only={settings.flower_read_only}",
            f"--max_tasks={_REMEMBERED_TASKS}",
        ]
    )
