"""A worker that runs and takes nothing: its consumer is lost, or its children hang."""

from collections.abc import Iterator

import pytest

from core.home import Home
from core.settings import Settings
from tests.faults.system import System, running_system, still_running
from tests.faults.trials import Trials
from tests.processes import wait_until
from worker.app import create_app

HEARTBEAT_S = 2
# Eight heartbeats, and the start of another worker.
_BACK_S = 8 * HEARTBEAT_S + 60


@pytest.fixture
def listening(home: Home, lease: dict[str, str]) -> Iterator[System]:
    """A system whose heart beats fast."""
    with running_system(home, HEADCT_HEARTBEAT_SECONDS=str(HEARTBEAT_S), **lease) as running:
        yield running


@pytest.mark.usefixtures("full_form")
@pytest.mark.parametrize("fault", ["consumer lost", "children stopped"])
def test_a_deaf_worker_ends_itself_and_the_next_one_works(
    listening: System, trials: Trials, fault: str
) -> None:
    for trial in trials.of(f"deaf worker: {fault}", listening, within_s=_BACK_S, full=5):
        listening.drop(*trials.files.new(), state="classified")
        wait_until(listening.is_settled, what="it worked before")
        main, children = listening.part("worker"), listening.children("worker")
        trial.pause(HEARTBEAT_S)
        if fault == "children stopped":
            for child in children:
                child.suspend()
        else:
            app = create_app(Settings(home=listening.home.root), listening.home)
            app.control.cancel_consumer("inference")
        trial.over()
        trial.drop(20)
        assert still_running([main, *children], _BACK_S) == [], "the deaf worker ends"
    log = (listening.home.logs / "worker.log").read_text()
    assert "this worker ends, since it takes no messages" in log
