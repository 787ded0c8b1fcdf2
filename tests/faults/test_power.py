"""The whole system is stopped, or its power fails, under load; it picks up where it was."""

from collections.abc import Callable

import pytest

from tests.faults.system import System
from tests.faults.trials import Trials

_BACK_S = 60


def end_under_load(system: System, trials: Trials, fault: str, end: Callable[[], None]) -> None:
    for trial in trials.of(fault, system, within_s=_BACK_S):
        with trial.arriving(per_second=30):
            trial.pause(2)
            trial.wait_for_work()
            end()
        trial.over()
        system.start()


def test_the_power_fails(system: System, trials: Trials) -> None:
    end_under_load(system, trials, "power-off: SIGKILL of everything at once", system.power_off)


@pytest.mark.usefixtures("full_form")
def test_up_is_stopped(system: System, trials: Trials) -> None:
    end_under_load(system, trials, "SIGTERM to `up` under load", system.stop)
