from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import RunUnderWay
from core.home import Home
from core.settings import Settings
from db.audit import AuditFilter
from db.states import RunState
from db.tables import EpochRecord, TrainingRun
from db.training_runs import RunRequest
from services.audit import Who, entries
from services.context import Context
from services.training import cancel, progress, request
from tests.labelled import balanced, fill

ASKED = RunRequest(1, epochs=None, promote=True, requested_by="ann")
BEGAN = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.fixture
def context(settings: Settings, home: Home, engine: Engine) -> Context:
    fill(engine, home, balanced())
    return Context(settings, home, engine)


def test_who_asks_for_one_alone_is_refused_while_another_run_is_not_over(context: Context) -> None:
    first = request(context, ASKED, alone=True)
    with pytest.raises(RunUnderWay, match=f"run {first} is not over"):
        request(context, ASKED, alone=True)
    assert request(context, ASKED) == first + 1


def test_a_start_and_what_was_cancelled_stand_in_the_audit(context: Context) -> None:
    run_id = request(context, ASKED, address="10.0.0.1")
    assert cancel(context, run_id, Who("bob")) is RunState.REQUESTED
    assert cancel(context, run_id, Who("bob")) is RunState.CANCELLED
    stands = [(one.account, one.action, one.subject, one.address) for one in entries(context, AuditFilter())]
    assert stands == [
        ("bob", "cancel training", f"run {run_id}", None),
        ("ann", "start training", f"run {run_id}", "10.0.0.1"),
    ]
    with Session(context.engine) as session:
        assert session.get_one(TrainingRun, run_id).state == RunState.CANCELLED


@pytest.mark.parametrize(
    ("state", "epochs", "stage", "left"),
    [
        (RunState.REQUESTED, 0, "waits", None),
        (RunState.RUNNING, 0, "prepares", None),
        (RunState.RUNNING, 1, "trains", None),
        (RunState.RUNNING, 3, "trains", 2 * 60.0),
        (RunState.RUNNING, 5, "evaluates", None),
        (RunState.FAILED, 3, "is over", None),
    ],
)
def test_the_time_that_is_left_is_as_epochs_took(
    state: RunState, epochs: int, stage: str, left: float | None
) -> None:
    done = [
        EpochRecord(number=number, of=5, loss=1.0, ended_at=BEGAN + timedelta(minutes=number))
        for number in range(1, epochs + 1)
    ]
    assert progress(TrainingRun(state=state), done) == (stage, left)
