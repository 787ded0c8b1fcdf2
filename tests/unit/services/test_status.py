"""What `headct status` says where headct does not run, or not whole."""

from core.errors import NotRunning
from core.home import Home
from services.context import open_migrated
from services.status import read_state


def test_where_nothing_runs_it_is_said_once(home_in_use: Home) -> None:
    state = read_state(open_migrated())
    (error,) = state["problems"]
    assert isinstance(error, NotRunning)
    assert str(home_in_use.root) in str(error)
    assert state["queues"] is state["workers"] is state["scheduler_runs"] is None
