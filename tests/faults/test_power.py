"""The whole system is stopped, or its power fails, under load; it picks up where it was."""

import pytest

from tests.faults.system import System
from tests.faults.trials import Trials

pytestmark = pytest.mark.usefixtures("full_form")

_BACK_S = 60


def test_the_power_fails(system: System, trials: Trials) -> None:
    for trial in trials.of("power-off: SIGKILL of everything at once", system, within_s=_BACK_S):
        with trial.arriving(per_second=30):
            trial.pause(2)
            trial.wait_for_work()
            system.power_off()
        trial.over()
        system.start()


def test_it_is_stopped_under_load(system: System, trials: Trials) -> None:
    for trial in trials.of("SIGTERM to `up` under load", system, within_s=_BACK_S):
        with trial.arriving(per_second=30):
            trial.pause(2)
            trial.wait_for_work()
            system.stop()
        trial.over()
        system.start()
