"""Short runs of the other fuzzer of `make fuzz`: as the intake is, and with a fault that was put into it."""

import re
from pathlib import Path

import pytest

from tests.fuzz.fuzzer import run_fuzzer

pytest.importorskip("atheris", reason="has wheels for Linux on x86-64 only")

WITH_A_FAULT = """
import os
from tests.fuzz import fuzz_intake
from scheduler import intake
intake.open_folder = lambda folder, top: os.open(folder, os.O_RDONLY)  # follows links
fuzz_intake.main()
"""


def test_the_fuzzer_runs_and_finds_nothing(tmp_path: Path) -> None:
    options = ["-runs=500", "-seed=1", f"-artifact_prefix={tmp_path}/"]
    ran = run_fuzzer("-m", "tests.fuzz.fuzz_intake", *options)
    assert ran.returncode == 0, ran.stderr
    assert int(re.findall(r"Done (\d+) runs", ran.stderr)[0]) >= 500
    assert list(tmp_path.iterdir()) == []


def test_the_fuzzer_finds_a_fault_and_keeps_what_shows_it(tmp_path: Path) -> None:
    options = ["-runs=5000", "-seed=1", f"-artifact_prefix={tmp_path}/"]
    assert "after these moves" in run_fuzzer("-c", WITH_A_FAULT, *options).stdout
    (kept,) = tmp_path.glob("crash-*")
    assert "after these moves" in run_fuzzer("-c", WITH_A_FAULT, str(kept), options[-1]).stdout
    again = run_fuzzer("-m", "tests.fuzz.fuzz_intake", str(kept))
    assert again.returncode == 0, again.stderr
