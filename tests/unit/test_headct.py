"""The command as a process of its own: whatever its environment and its three streams are."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.home import Home
from db.arrivals import NewArrival, record_arrivals
from tests.other_programs import other_programs
from tests.processes import HEADCT

TABLE, CSV, DOCTOR = ["results"], ["results", "--format", "csv"], ["doctor"]


@pytest.fixture
def with_file(home: Home, sqlite_engine: Engine) -> Home:
    """A home with one file, whose file has a name that few charsets can spell."""
    with Session(sqlite_engine) as session, session.begin():
        record_arrivals(session, [NewArrival("a" * 64, 1, "müller-頭.png", None)])
    return home


def run_all(
    home: Home, *commands: list[str], redirected: str = "", **environment: str
) -> Iterator[tuple[int, str, str]]:
    """The commands side by side, their streams redirected as a shell does; exit code and what each says."""
    everything: Mapping[str, str] = {
        "PATH": os.environ["PATH"],
        "HOME": str(home.root.parent),
        "HEADCT_HOME": str(home.root),
        "HEADCT_MIN_FREE_MB": "0",
        **environment,
    }
    started = [
        subprocess.Popen(
            ["/bin/bash", "-c", f'"$@" {redirected}', "bash", HEADCT, *arguments],
            env=everything,
            cwd=home.root.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for arguments in commands
    ]
    for process in started:
        out, err = process.communicate(timeout=120)
        yield process.returncode, out.decode(), err.decode()


def test_a_full_disk_below_the_output_is_told_in_one_line(with_file: Home) -> None:
    told = "headct: Standard output cannot be written (No space left on device).\n"
    commands = (TABLE, CSV, DOCTOR, ["show", "1"], ["models", "show"], ["--help"])
    assert [(code, err) for code, _, err in run_all(with_file, *commands, redirected=">/dev/full")] == [
        (1, told)
    ] * len(commands)


def test_a_reader_that_has_seen_enough_is_no_error(with_file: Home) -> None:
    for code, _, err in run_all(with_file, CSV, ["--help"], redirected="| true; exit ${PIPESTATUS[0]}"):
        assert err == ""
        assert code in {0, 141}  # the command may have been faster


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_closed_streams_are_no_error(with_file: Home, closed: str) -> None:
    assert [(code, err) for code, _, err in run_all(with_file, TABLE, DOCTOR, redirected=closed)] == [
        (0, ""),
        (1, ""),  # no broker runs
    ]


@pytest.mark.parametrize("charset", [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}])
def test_letters_that_the_charset_lacks_are_escaped(with_file: Home, charset: dict[str, str]) -> None:
    for code, out, err in run_all(with_file, TABLE, CSV, **charset):
        assert (code, err) == (0, "")
        assert "müller-頭.png" in out or r"m\xfcller-\u982d.png" in out


def test_a_package_of_another_program_is_not_taken_for_ours(with_file: Home, tmp_path: Path) -> None:
    outside = other_programs(tmp_path / "folder", tmp_path / "user")
    ((code, out, err),) = run_all(with_file, TABLE, **outside)
    assert (code, "Traceback" in err) == (0, False)
    assert "müller-頭.png" in out
