"""Log lines: JSON where a program reads them, plain text on a terminal. docs/operations.md has the fields.

Never a file name of the inbox: it can identify a patient.
"""

import contextlib
import logging
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from pythonjsonlogger.json import JsonFormatter

_PLAIN = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
# Celery's own two lines for every task, and what it repeats in a field; headct logs one line per chunk.
_CHATTY = ("alembic", "kombu", "amqp", "celery.app.trace", "celery.worker.strategy")
_REPEATED = "data"


class _OneLine(JsonFormatter):
    """One JSON object per event: `time` in UTC, `level`, `logger`, `message`, then the event's own fields."""

    def __init__(self) -> None:
        super().__init__(
            ["asctime", "levelname", "name", "message"],
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger", "exc_info": "trace"},
            json_ensure_ascii=False,
        )
        self._skip_fields.add(_REPEATED)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802 - logging's name
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def configure_logging(level: str) -> None:
    """Log to standard error in UTC at `level` and above."""
    handler = logging.StreamHandler()
    handler.setFormatter(_plain() if sys.stderr.isatty() else _OneLine())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def log_only() -> None:
    """Nothing but log lines leaves this process from now on, unless a person looks on at a terminal.

    Celery and Flower print a banner and farewells around the logging, to standard output; what ends this
    process unforeseen is an event too.
    """
    if sys.stderr.isatty():
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.__stdout__.fileno() if sys.__stdout__ else 1)
    os.close(nowhere)
    sys.excepthook = _log_unforeseen


@contextlib.contextmanager
def run_log(path: Path, run_id: int) -> Iterator[None]:
    """Log also to that file, which is added to, in plain text; every event has the id of the training run."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(_plain())
    root = logging.getLogger()
    root.addHandler(handler)

    def mark(record: logging.LogRecord) -> bool:
        record.run_id = run_id
        return True

    marked = list(root.handlers)
    for one in marked:
        one.addFilter(mark)
    try:
        yield
    finally:
        for one in marked:
            one.removeFilter(mark)
        root.removeHandler(handler)
        handler.close()


def _log_unforeseen(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger(__name__).critical("unforeseen: %s", kind.__name__, exc_info=(kind, error, trace))


def _plain() -> logging.Formatter:
    formatter = logging.Formatter(_PLAIN, datefmt="%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    return formatter
