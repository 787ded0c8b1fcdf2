"""`make bench` measures what is there, so it has to run on what is there."""

import re
import subprocess
import sys
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


def test_a_benchmark_runs() -> None:
    """The quickest; the others take a minute or more."""
    latest = REPOSITORY / "benchmarks" / "latest.json"
    before = latest.stat().st_mtime_ns if latest.exists() else None
    ran = bench("--only", "h")
    assert ran.returncode == 0, ran.stderr
    [said] = re.findall(r"^\(h\) an image in a chunk of 16, .*$", ran.stdout, re.MULTILINE)
    times = [float(one) for one in re.findall(r"(\d+\.\d\d) ms", said)]
    pillow, decoding, preprocessing, network = times
    assert all(0.05 < one < 100 for one in times)
    assert decoding < 2 * pillow, "both read the same files"
    [ratio] = re.findall(r"^\(h\) .* over decoding +(\d+\.\d\d) +<=", ran.stdout, re.MULTILINE)
    assert float(ratio) == pytest.approx((preprocessing + network) / pillow, rel=0.3)
    assert set(re.findall(r"^\((\w)\)", ran.stdout, re.MULTILINE)) == {"h"}
    assert (latest.stat().st_mtime_ns if latest.exists() else None) == before, "only a whole run is kept"


@pytest.mark.parametrize("letters", ["z", "az"])
def test_an_unknown_letter_is_refused_with_those_that_there_are(letters: str) -> None:
    ran = bench("--only", letters)
    assert ran.returncode == 2
    assert LETTERS in ran.stderr
