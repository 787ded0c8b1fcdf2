"""Short runs of the fuzzers that `make fuzz` lets run for long."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("atheris", reason="has wheels for Linux on x86-64 only")


@pytest.mark.parametrize(("fuzzer", "runs"), [("fuzz_decoder", 300), ("fuzz_intake", 60)])
def test_a_fuzzer_runs_and_finds_nothing(tmp_path: Path, fuzzer: str, runs: int) -> None:
    options = [f"-runs={runs}", "-seed=1", f"-artifact_prefix={tmp_path}/"]
    # Started by a shell: a process's peak memory begins with that of its parent (getrusage(2), vfork(2)), and
    # these tests hold more than the fuzzer allows.
    ran = subprocess.run(
        [
            str(shutil.which("sh")),
            "-c",
            '"$@"; exit $?',
            "sh",
            sys.executable,
            "-m",
            f"tests.fuzz.{fuzzer}",
            *options,
        ],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert ran.returncode == 0, ran.stderr
    assert int(re.findall(r"Done (\d+) runs", ran.stderr)[0]) >= runs  # it ends between two mutations
    assert list(tmp_path.iterdir()) == []
