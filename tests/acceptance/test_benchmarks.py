"""`make bench` measures what is there, so it has to run on what is there."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.measurements import LETTERS

REPOSITORY = Path(__file__).parents[2]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.run", *arguments],
        cwd=REPOSITORY,
        umask=0o022,  # as a login shell has it
        capture_output=True,
        text=True,
        check=False,
    )


def seconds_of(*command: str) -> float:
    began = time.monotonic()
    subprocess.run(command, check=True)
    return time.monotonic() - began


def test_a_benchmark_runs() -> None:
    """The one that needs no running system; the others take minutes."""
    latest = REPOSITORY / "benchmarks" / "latest.json"
    before = latest.stat().st_mtime_ns if latest.exists() else None
    bare = min(seconds_of(sys.executable, "-c", "import csv, datetime, sqlite3") for _ in range(3))
    began = time.monotonic()
    ran = bench("--only", "e")
    elapsed = time.monotonic() - began
    assert ran.returncode == 0, ran.stderr
    [seconds] = re.findall(r"^\(e\) headct results, 10,000 rows +(\d+\.\d\d) s", ran.stdout, re.MULTILINE)
    assert bare < float(seconds) < elapsed / 5, "a process that reads a database, five times at least"
    ratios = map(float, re.findall(r"^\(e\) .* over .* (\d+\.\d\d) +<=", ran.stdout, re.MULTILINE))
    of_help, of_results, of_table, of_studies = ratios
    assert of_help < of_results, "one imports nothing that the other does not"
    assert 0.5 < of_table < 4, "both read and print 50,000 rows"
    assert 0.1 < of_studies < 4, "of ten times as many results"
    assert set(re.findall(r"^\((\w)\)", ran.stdout, re.MULTILINE)) == {"e"}
    assert (latest.stat().st_mtime_ns if latest.exists() else None) == before, "only a whole run is kept"


@pytest.mark.parametrize("letters", ["z", "az"])
def test_an_unknown_letter_is_refused_with_those_that_there_are(letters: str) -> None:
    ran = bench("--only", letters)
    assert ran.returncode == 2
    assert LETTERS in ran.stderr
