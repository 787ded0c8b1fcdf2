"""A file that kills or hangs its decoder is quarantined after three attempts, and no other file suffers."""

import re

import pytest

from tests.faults.system import System
from tests.faults.trials import Trials
from worker.limits import FILE_S

pytestmark = pytest.mark.usefixtures("full_form")

_LEAVES_ALONE = 3
# Loading the network in a child that replaces a dead one; some seconds, on a loaded machine more.
_CHILD_STARTS_S = 15


@pytest.mark.parametrize(
    ("death", "told"), [("segfault", "SIGSEGV"), ("out of memory", "SIGKILL"), ("hang", "SIGALRM")]
)
def test_only_the_file_that_takes_the_decoder_down_is_quarantined(
    system: System, trials: Trials, death: str, told: str
) -> None:
    within = _LEAVES_ALONE * (FILE_S + _CHILD_STARTS_S) + 60
    for trial in trials.of(f"a file that ends its decoder: {death}", system, within_s=within):
        poison = f"{death}-{trial.number}.png"
        trial.drop(7)
        content, _ = trials.scans.new()
        system.drop(content + f"<{death}>".encode(), poison, state="quarantined")
        trial.over()
        trial.drop(8)
        system.wait_for(poison, seconds=within)
        reason = system.rows()[poison].reason
        assert "did not come back from this file 3 times" in reason
    log = (system.home.logs / "worker.log").read_text()
    assert re.search(rf"exited with .signal \d+ \({told}\)", log)
    assert f"{death}-" not in log, "no file is named"


def test_a_file_that_fills_the_memory_is_rejected_and_its_process_lives(
    system: System, trials: Trials
) -> None:
    children = {child.pid for child in system.children("worker")}
    for trial in trials.of("a file that fills the memory", system, within_s=30):
        trial.drop(3)
        content, _ = trials.scans.new()
        system.drop(content + b"<fill memory>", f"memory-{trial.number}.png", state="rejected")
        trial.drop(3)
    assert {child.pid for child in system.children("worker")} == children


def test_a_chunk_of_slow_files_is_done_one_by_one(system: System, trials: Trials) -> None:
    """Sixteen files of 3 s are no chunk of 20 s; none is at fault."""
    for trial in trials.of("a chunk of slow files", system, within_s=180, full=1):
        for number in range(16):
            content, _ = trials.scans.new()
            system.drop(content + b"<slow>", f"slow-{trial.number}-{number}.png", state="classified")
