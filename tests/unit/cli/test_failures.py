import sqlite3
import sys

import pytest
from sqlalchemy.exc import OperationalError

from cli import main as entry
from cli.failures import in_words, warn_unless_running
from core.errors import NoSuchFile
from core.home import Home
from services.context import open_migrated


def test_what_a_person_can_mend_is_told_in_words() -> None:
    assert (
        in_words(NoSuchFile("There is no file 7.")) == "There is no file 7. `headct results` lists the ids."
    )
    refused = OperationalError("SELECT", {}, sqlite3.OperationalError("disk I/O error"))
    assert in_words(refused) == "the database refused: disk I/O error. See `headct doctor`."
    psycopg = OperationalError("SELECT", {}, Exception("connection failed: FATAL\n\tIs it running?\n"))
    assert in_words(psycopg) == (
        "the database refused: connection failed: FATAL Is it running?. See `headct doctor`."
    )
    assert in_words(KeyError("name")) is None


def test_an_error_of_the_database_ends_with_1_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise OperationalError("SELECT", {}, sqlite3.OperationalError("database is locked"))

    monkeypatch.setattr(entry, "app", refuse)
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == 1
    assert (
        capsys.readouterr().err == "headct: the database refused: database is locked. See `headct doctor`.\n"
    )


def test_an_unforeseen_error_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "app", lambda: {}["missing"])
    with pytest.raises(KeyError):
        entry.main()
    assert sys.exc_info() == (None, None, None)


def test_who_is_about_to_wait_where_nothing_runs_is_told(
    home_in_use: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    warn_unless_running(open_migrated())
    assert "headct does not run on" in (told := capsys.readouterr().err)
    assert "Start `headct up`." in told
