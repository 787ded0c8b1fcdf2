"""A short run of the fuzzer that `make fuzz` lets run for long."""

import re
from pathlib import Path

import pytest

from tests.fuzz.fuzzer import run_fuzzer

pytest.importorskip("atheris", reason="has wheels for Linux on x86-64 only")


def test_the_fuzzer_runs_and_finds_nothing(tmp_path: Path) -> None:
    options = ["-runs=300", "-seed=1", f"-artifact_prefix={tmp_path}/"]
    ran = run_fuzzer("-m", "tests.fuzz.fuzz_decoder", *options)
    assert ran.returncode == 0, ran.stderr
    assert int(re.findall(r"Done (\d+) runs", ran.stderr)[0]) >= 300  # it ends between two mutations
    assert list(tmp_path.iterdir()) == []
