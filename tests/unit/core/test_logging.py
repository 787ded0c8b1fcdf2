"""Log lines for programs and for people."""

import contextlib
import json
import logging
import os
import pty
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.logging import configure_logging, run_log


@pytest.fixture(autouse=True)
def logging_kept() -> Iterator[None]:
    """What is set for the whole process is undone."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    logging.captureWarnings(capture=False)


def log_one() -> None:
    configure_logging("INFO")
    logging.getLogger("part").debug("unheard")
    try:
        int("first line\nsecond line")
    except ValueError:
        logging.getLogger("part").exception('it\'s "%s"\nhere', "so", extra={"file_ids": [1, 2]})


def test_an_event_is_one_json_line_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    log_one()
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    event = json.loads(line)
    trace = event.pop("trace")
    moment = datetime.fromisoformat(event.pop("time"))
    assert event == {"level": "ERROR", "logger": "part", "message": 'it\'s "so"\nhere', "file_ids": [1, 2]}
    assert "ValueError: invalid literal" in trace
    assert abs((datetime.now(UTC) - moment).total_seconds()) < 60


def test_a_person_reads_plain_lines() -> None:
    ours, its = pty.openpty()
    with os.fdopen(ours), os.fdopen(its, "w") as terminal, contextlib.redirect_stderr(terminal):
        log_one()
        assert b'Z ERROR   part: it\'s "so"\r\nhere\r\nTraceback' in os.read(ours, 4096)


def test_a_run_log_is_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")
    with run_log(tmp_path / "training-1.log", 1):
        logging.getLogger("part").info("epoch 1")
    assert (tmp_path / "training-1.log").read_text().endswith("Z INFO    part: epoch 1\n")
    logging.getLogger("part").info("later")
    during, later = map(json.loads, capsys.readouterr().err.splitlines())
    assert during["run_id"] == 1
    assert "run_id" not in later


def test_what_celery_says_of_every_task_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")
    logging.getLogger("celery.app.trace").info("Task succeeded", extra={"data": {"args": "[1]"}})
    logging.getLogger("celery.app.trace").error("Task raised", extra={"data": {"args": "[1]"}})
    event = json.loads(capsys.readouterr().err)
    assert event["message"] == "Task raised"
    assert "data" not in event
