"""Damaged files go through the running system: nothing dies or hangs, and all reach a final state."""

import json
from pathlib import Path

import pytest

from tests.faults.system import System
from tests.faults.trials import Trials
from tests.fuzz.corpus import damaged_files
from tests.fuzz.target import LONGEST_S
from tests.processes import peak_memory

MOST_MEMORY = 1.2e9
"""Bytes, of a classify process, at its peak."""


def decode_seconds(log: Path, first: int) -> list[float]:
    """What the decoding of each chunk took, from the lines of the worker's log after that byte."""
    with log.open("rb") as file:
        file.seek(first)
        lines = [line for line in file.read().splitlines() if b'"decode_ms"' in line]
    assert lines, "the log was rotated"
    return [json.loads(line)["decode_ms"] / 1000 for line in lines]


@pytest.mark.usefixtures("full_form")
def test_damaged_files_end_in_a_final_state_and_harm_nothing(system: System, trials: Trials) -> None:
    for trial in trials.of("damaged files", system, within_s=200, full=1):
        if trial.number == 0:  # the network is in memory, whatever a test before left
            trial.drop()
            trial.recovery_s()
        children = {child.pid for child in system.children("worker")}
        log = system.home.logs / "worker.log"
        read = log.stat().st_size
        quarantined = system.count("quarantined")  # by tests before
        for name, content in damaged_files(5000, seed=4 + trial.number):
            system.drop(content, f"damaged-{trial.number}/{name}")
        trial.drop(5)
        trial.recovery_s()
        longest = max(decode_seconds(log, read))
        assert longest < LONGEST_S, f"the files of one chunk took {longest:.1f} s"
        assert {child.pid for child in system.children("worker")} == children, "a process was lost"
        most = max(map(peak_memory, children))
        print(f"longest chunk {longest:.2f} s, peak memory {most / 1e6:.0f} MB")  # noqa: T201 - for the record
        assert most < MOST_MEMORY
        assert system.count("quarantined") == quarantined
