"""SIGKILL of parts: one, several at once, in the middle of a chunk, again and again."""

import time

import pytest

from tests.faults.system import System
from tests.faults.trials import Trials

_CHILD_BACK_S, _MAIN_BACK_S = 30, 60
_SOME = 150
"""Files, of which a worker takes a quarter of a second: long enough to be met in the middle of a chunk."""


def check_interrupted(system: System, trials: Trials, before: int) -> None:
    """The kills of a case fell into chunks: each of them, in the mean, into one of some files at least."""
    assert system.taken_again() - before >= trials.records[-1].repetitions


@pytest.mark.usefixtures("full_form")
def test_a_classify_child_is_killed_in_the_middle_of_a_chunk(system: System, trials: Trials) -> None:
    before = system.taken_again()
    for trial in trials.of("SIGKILL of a classify child, mid-chunk", system, within_s=_CHILD_BACK_S):
        trial.drop(_SOME)
        trial.wait_for_work()
        trial.over()
        system.kill_children("worker")  # whichever has begun it
        trial.drop(4)
    check_interrupted(system, trials, before)


def test_several_parts_are_killed_at_once(system: System, trials: Trials) -> None:
    for trial in trials.of("SIGKILL of Redis, scheduler and worker at once", system, within_s=_MAIN_BACK_S):
        running = [system.part(name) for name in ("redis", "scheduler", "worker")]
        trial.drop(_SOME)
        trial.wait_for_work()
        trial.over()
        for process in running:
            process.kill()
        trial.drop(4)
    said = (system.home.logs / "up.out").read_text()
    for name in ("redis", "scheduler", "worker"):
        assert f"exited: {name} (terminated by SIGKILL; not expected)" in said


@pytest.mark.usefixtures("full_form")
@pytest.mark.parametrize(
    ("part", "within_s"), [("child", _CHILD_BACK_S), ("worker", _MAIN_BACK_S), ("scheduler", 30)]
)
def test_a_part_is_killed_at_any_moment(system: System, trials: Trials, part: str, within_s: float) -> None:
    for trial in trials.of(f"SIGKILL of {part}, any moment", system, within_s=within_s):
        process = trial.random.choice(system.children("worker")) if part == "child" else system.part(part)
        with trial.arriving(per_second=30):
            trial.pause(2)
            trial.over()
            process.kill()
        trial.drop(4)


@pytest.mark.usefixtures("full_form")
def test_the_workers_main_process_is_killed_in_the_middle_of_a_chunk(system: System, trials: Trials) -> None:
    before = system.taken_again()
    for trial in trials.of("SIGKILL of worker, mid-chunk", system, within_s=_MAIN_BACK_S):
        main = system.part("worker")
        trial.drop(_SOME)
        trial.wait_for_work()
        trial.over()
        main.kill()
        trial.drop(4)
    check_interrupted(system, trials, before)


@pytest.mark.usefixtures("full_form")
def test_whoever_has_a_chunk_is_killed_again_and_again(system: System, trials: Trials) -> None:
    """No file is at fault, and none is quarantined: a file that was hit twice waits for its lease to end."""
    before = system.taken_again()
    for trial in trials.of("SIGKILL of children mid-chunk, in a loop of 40 s", system, within_s=90):
        ends = time.monotonic() + 40
        with trial.arriving(per_second=2):
            while time.monotonic() < ends:
                trial.wait_for_work()
                system.kill_children("worker")
        trial.over()
    check_interrupted(system, trials, before)
