"""A process beside that of the web page, for what is seldom asked and needs much memory.

It loads ONNX Runtime for heat maps, and what looks for like images where a picture becomes training data.
"""

import signal
import socket
import subprocess
import sys
import threading
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from core.errors import HeadctError, HelperLost
from core.logging import configure_logging
from core.settings import Settings
from services.context import context_of

_IDLE_S, _LONGEST_S = 60.0, 60.0
"""So long it is kept without work, and so long it may take for an answer."""


class _Helper(NamedTuple):
    process: subprocess.Popen[bytes]
    connection: Connection


class Aside:
    """Calls services in another process, one at a time; it is started when first needed."""

    def __init__(self, settings: Settings, idle_s: float = _IDLE_S) -> None:
        self._settings, self._idle_s = settings, idle_s
        self._lock = threading.Lock()
        self._helper: _Helper | None = None
        self._ending: threading.Timer | None = None

    def call(self, module: str, name: str, *arguments: Any) -> Any:  # noqa: ANN401 - as that service
        """What that service returns, or raises, for the context and these arguments.

        Raises
        ------
        HelperLost
        """
        with self._lock:
            if self._ending:
                self._ending.cancel()
            if self._helper is None:
                self._helper = _started(self._settings)
            try:
                self._helper.connection.send((module, name, arguments))
                if not self._helper.connection.poll(_LONGEST_S):
                    raise TimeoutError
                succeeded, answer = self._helper.connection.recv()
            except (EOFError, OSError) as error:
                self._end()
                raise HelperLost(
                    "The process that does this ended or hangs. Try again; the log of the web page has more."
                ) from error
            self._ending = threading.Timer(self._idle_s, self.close)
            self._ending.daemon = True
            self._ending.start()
        if succeeded:
            return answer
        raise answer

    def close(self) -> None:
        """End the process, after what it does just now."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._helper:
            self._helper.connection.close()
            self._helper.process.kill()  # its database is made for that
            self._helper.process.wait()
            self._helper = None


def _started(settings: Settings) -> _Helper:
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, "-I", "-m", "services.aside", str(theirs.fileno())]
        process = subprocess.Popen(  # noqa: S603 - itself
            command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
        )
    connection = Connection(ours.detach())
    connection.send(settings)
    return _Helper(process, connection)


def _serve(connection: Connection) -> None:
    """Answer until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the other side decides
    try:
        settings = connection.recv()
        configure_logging(settings.log_level)
        context = context_of(settings)
        while True:
            module, name, arguments = connection.recv()
            try:
                answer = True, getattr(import_module(module), name)(context, *arguments)
            except (HeadctError, SQLAlchemyError) as error:
                answer = False, error
            connection.send(answer)
    except (EOFError, ConnectionError):
        return


if __name__ == "__main__":
    _serve(Connection(int(sys.argv[1])))
