"""What no command can work with is refused by its own name, before anything is looked up."""

import multiprocessing
import os
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from cli.arguments import parse_moment, user_name
from cli.main import app

HUGE = str(10**20)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("runs", "show", HUGE), "'ID'"),
        (("runs", "follow", HUGE), "'ID'"),
        (("runs", "cancel", HUGE), "'ID'"),
        (("runs", "report", "0"), "'ID'"),
        (("runs", "--limit", HUGE), "'--limit'"),
        (("results", "--limit", HUGE), "'--limit'"),
        (("train", "--seed", str(2**31)), "'--seed'"),
        (("train", "--epochs", HUGE), "'--epochs'"),
        (("label", "1", "normal", "--by", "\udcff"), "--by"),
        (("label", "1", "normal", "--note", "\udcff"), "--note"),
    ],
)
def test_what_no_command_can_work_with_is_refused(arguments: tuple[str, ...], told: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert told in result.stderr


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90m", NOW - timedelta(minutes=90)),
        ("12h", NOW - timedelta(hours=12)),
        ("7d", NOW - timedelta(days=7)),
        ("2026-11-25T08:00+00:00", datetime(2026, 11, 25, 8, tzinfo=UTC)),
        ("2026-11-25", datetime(2026, 11, 25).astimezone()),
    ],
)
def test_ages_dates_and_times_are_moments(text: str, moment: datetime) -> None:
    assert parse_moment(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "12", "12x", "2026-13-01", "9999999d", "9" * 30 + "m"])
def test_anything_else_is_told_with_what_can_be_written(text: str) -> None:
    with pytest.raises(ValueError, match=r"write (2026-11-25|90m)"):
        parse_moment(text, NOW)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_user_without_a_name_has_its_number() -> None:
    ours, theirs = multiprocessing.Pipe()

    def work() -> None:
        os.environ.clear()
        os.setuid(54321)
        theirs.send(user_name())

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    assert ours.recv() == "user 54321"
    process.join(20)


def test_a_name_is_short_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ann")
    assert user_name() == "ann"
    monkeypatch.setenv("LOGNAME", "m\udcfcller" * 100)
    assert user_name().startswith("m\ufffdller")
    assert len(user_name()) == 128
