"""The clock is set two hours forward, or back: files are delivered again at most, and no result is doubled.

libfaketime shifts the wall clock for all processes of headct, Redis among them. Not shifted are the monotonic
clock, which no one can set, and the times of files, which the kernel gives.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import distribution
from pathlib import Path

import pytest

from core.home import Home
from tests.faults.system import System, running_system
from tests.faults.trials import Trials
from tests.processes import wait_until

pytestmark = pytest.mark.usefixtures("full_form")

_BACK_S = 60
_LOGS = ("scheduler.log", "worker.log")


@dataclass
class Clock:
    """The wall clock of a system's processes, which read the shift from a file, once a second."""

    file: Path

    def set(self, hours: int) -> None:
        """Set it so many hours off."""
        new = self.file.with_suffix(".new")
        new.write_text(f"{hours:+d}h\n")
        new.replace(self.file)

    def environment(self) -> dict[str, str]:
        files = distribution("libfaketime").files or ()
        (library,) = (file.locate() for file in files if file.name == "libfaketime.so.1")
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_CACHE_DURATION": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Clock:
    clock = Clock(tmp_path_factory.mktemp("clock") / "shift")
    clock.set(0)
    return clock


@pytest.fixture(scope="module")
def shifted(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[System]:
    home = Home(tmp_path_factory.mktemp("shifted") / "home")
    home.make()
    with running_system(home, **clock.environment()) as running:
        logs = [home.logs / name for name in _LOGS]
        wait_until(lambda: all(log.exists() for log in logs), what="scheduler and worker log")
        yield running


def is_ahead(log: Path, written: int) -> bool:
    """Whether what was logged after that byte has a time of the shifted clock."""
    with log.open("rb") as file:
        file.seek(written)
        lines = [line for line in file.read().split(b"\n")[:-1] if line]
    ahead = datetime.now(UTC) + timedelta(hours=1.5)
    return any(datetime.fromisoformat(json.loads(line)["time"]) > ahead for line in lines)


@pytest.mark.parametrize("kill_worker", [False, True])
def test_the_clock_is_set_forward_and_back(
    shifted: System, clock: Clock, trials: Trials, *, kill_worker: bool
) -> None:
    name = "clock two hours forward and back" + (", worker killed in between" if kill_worker else "")
    for trial in trials.of(name, shifted, within_s=_BACK_S):
        with trial.arriving(per_second=20):
            trial.pause(2)
            written = {log: log.stat().st_size for log in (shifted.home.logs / name for name in _LOGS)}
            clock.set(2)
            wait_until(lambda: all(map(is_ahead, written, written.values())), what="all see the new time")  # noqa: B023 - called at once
            trial.pause(4)
            if kill_worker:
                trial.wait_for_work()
                shifted.part("worker").kill()
            clock.set(0)
            trial.over()
            trial.pause(2)


def test_a_study_is_split_over_two_days(shifted: System, clock: Clock, trials: Trials) -> None:
    for trial in trials.of("a study split over two days by the clock", shifted, within_s=_BACK_S):
        slices = trials.files.slices_of(trials.files.new_study(), range(40))
        trial.drop_study(slices[:20])
        with trial.arriving(per_second=10):
            written = {log: log.stat().st_size for log in (shifted.home.logs / name for name in _LOGS)}
            clock.set(24)
            wait_until(lambda: all(map(is_ahead, written, written.values())), what="all see the new time")  # noqa: B023 - called at once
        trial.drop_study(slices[20:])
        trial.pause(4)
        clock.set(0)
        trial.over()
