"""The whole system is stopped, or its power fails, under load; it picks up where it was."""

from collections.abc import Callable

import pytest

from tests.faults.system import System
from tests.faults.trials import Trials

pytestmark = pytest.mark.usefixtures("full_form")

_BACK_S = 60


@pytest.mark.parametrize(
    ("fault", "end"),
    [
        ("power-off: SIGKILL of everything at once", System.power_off),
        ("SIGTERM to `up` under load", System.stop),
    ],
)
def test_what_ended_under_load_picks_up_where_it_was(
    system: System, trials: Trials, fault: str, end: Callable[[System], None]
) -> None:
    for trial in trials.of(fault, system, within_s=_BACK_S):
        with trial.arriving(per_second=30):
            trial.pause(2)
            trial.wait_for_work()
            end(system)
        trial.over()
        system.start()
