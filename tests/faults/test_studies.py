"""Studies through faults: each final once, with all its slices, whatever happened while they came."""

import time

import pytest
from sqlalchemy import select

from db.engine import read_session
from db.states import UNFINISHED, StudyState
from db.tables import Study, StudyResult
from tests.faults.system import System
from tests.faults.trials import Trials
from tests.processes import wait_until

_SLICES = 60
_FRAMES = 700
"""Three portions."""
_SETTLE_S = 2
"""As `tests.faults.system` sets it."""


def is_final(system: System, uid: str) -> bool:
    with read_session(system.engine) as session:
        return session.scalar(select(Study.state).where(Study.study_uid == uid)) == StudyState.FINAL


def results_of(system: System, uid: str) -> int:
    with read_session(system.engine) as session:
        of_study = select(StudyResult.id).join(Study).where(Study.study_uid == uid)
        return len(session.scalars(of_study).all())


def test_a_worker_is_killed_in_the_middle_of_a_study(system: System, trials: Trials) -> None:
    for trial in trials.of("SIGKILL of a classify child, mid-study", system, within_s=60):
        trial.drop_study(trials.files.slices_of(trials.files.new_study(), range(_SLICES)))
        trial.wait_for_work()
        trial.over()
        system.kill_children("worker")


@pytest.mark.usefixtures("full_form")
def test_a_worker_is_killed_in_the_middle_of_an_archive(system: System, trials: Trials) -> None:
    for trial in trials.of("SIGKILL of a classify child, mid-archive", system, within_s=60):
        trial.drop_archive(trials.files.slices_of(trials.files.new_study(), range(5 * _SLICES)))
        trial.wait_for_work()
        trial.pause(0.2)
        trial.over()
        system.kill_children("worker")


@pytest.mark.usefixtures("full_form")
def test_a_worker_is_killed_in_the_middle_of_a_file_of_frames(system: System, trials: Trials) -> None:
    interrupted = 0
    for trial in trials.of("SIGKILL of a classify child, mid-file of frames", system, within_s=60):
        trial.drop_frames(_FRAMES)
        for _ in range(trial.random.randint(1, 3)):
            trial.wait_for_work()
        trial.pause(0.4)
        trial.over()
        interrupted += system.count("running")
        system.kill_children("worker")
        trial.drop(4)
    assert interrupted >= trials.records[-1].repetitions / 2


@pytest.mark.usefixtures("full_form")
def test_the_power_fails_in_the_middle_of_a_study(system: System, trials: Trials) -> None:
    for trial in trials.of("power-off in the middle of a study", system, within_s=60):
        trial.drop_study(trials.files.slices_of(trials.files.new_study(), range(_SLICES)))
        trial.wait_for_work()
        trial.pause(0.5)
        system.power_off()
        trial.over()
        system.start()


@pytest.mark.usefixtures("full_form")
def test_a_study_comes_twice_in_two_orders(system: System, trials: Trials) -> None:
    for trial in trials.of("the same study twice, in two orders", system, within_s=30):
        uid = trials.files.new_study()
        slices = trials.files.slices_of(uid, range(_SLICES))
        trial.drop_study(slices)
        trial.pause(2 * _SETTLE_S)
        trial.drop_study(slices[::-1], folder="again/")
        wait_until(system.is_settled, 60, what="all is done")
        assert results_of(system, uid) == 1


def test_an_urgent_study_overtakes_what_waits(system: System, trials: Trials) -> None:
    """Final within its settle time and 5 s, with 5,000 files before it."""
    files, backlog = trials.files, 5000 if trials.plan.full else 200
    for trial in trials.of(f"STAT study behind {backlog:,} files", system, within_s=120, full=5):
        uid = files.new_study()
        with system.suspended("worker"):
            trial.drop(backlog)
            trial.wait_until_recorded()
            trial.drop_study(files.slices_of(uid, range(24)), folder="stat/")
            began = time.monotonic()
        wait_until(lambda: is_final(system, uid), 60, every_s=0.05, what="the urgent study is final")  # noqa: B023 - called at once
        took, waiting = time.monotonic() - began, system.count(*UNFINISHED)
        print(f"final after {took:.1f} s, {waiting} of {backlog} files wait")  # noqa: T201 - what is measured
        if trials.plan.full:
            assert waiting
            assert took < _SETTLE_S + 5
