"""`make bench` measures what is there, so it has to run on what is there."""

import re
import subprocess
import sys
from pathlib import Path


def test_a_benchmark_runs() -> None:
    """The one that needs no running system; the others take minutes."""
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.run", "--only", "e"],
        cwd=Path(__file__).parents[2],
        umask=0o022,  # as a login shell has it
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    [seconds] = re.findall(r"^\(e\) headct results, 10,000 rows +(\d+\.\d\d) s", ran.stdout, re.MULTILINE)
    assert float(seconds) > 0
    ratios = re.findall(r"^\(e\) .* over .* (\d+\.\d\d) +at most", ran.stdout, re.MULTILINE)
    assert len(ratios) == 3
