from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import SettingsError
from core.settings import Settings, load_settings
from db.arrivals import NewArrival, record_arrivals
from db.engine import now
from db.images import first_images
from db.tables import Reading
from db.training_runs import BY_LABELS, BY_SCHEDULE, RunRequest, cancel_run, find_run, request_run
from scheduler.retraining import request_due_run

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def due(engine: Engine, settings: Settings, started: datetime = LONG_AGO) -> int | None:
    with Session(engine) as session, session.begin():
        return request_due_run(session, settings, started)


def requested_by(engine: Engine, run_id: int | None) -> str | None:
    assert run_id is not None
    with Session(engine) as session:
        return find_run(session, run_id).requested_by


def cancel(engine: Engine, run_id: int | None) -> None:
    assert run_id is not None
    with Session(engine) as session, session.begin():
        cancel_run(session, run_id)


def label(engine: Engine, count: int) -> None:
    with Session(engine) as session, session.begin():
        (file_id,) = record_arrivals(session, [NewArrival("a" * 64, 1, "x", None)]).values()
        image_id = first_images(session, [file_id])[file_id]
        for _ in range(count):
            session.add(Reading(image_id=image_id, label="normal", reader="r", note=None, read_at=now()))


def test_without_a_setting_nothing_is_requested(engine: Engine, settings: Settings) -> None:
    label(engine, 3)
    assert due(engine, settings) is None


def test_the_schedule_requests_a_run_when_its_moment_has_passed(engine: Engine, settings: Settings) -> None:
    settings = replace(settings, retrain_cron="0 3 * * 1")
    assert due(engine, settings, started=now()) is None, "its moment is yet to come"
    run_id = due(engine, settings)
    assert requested_by(engine, run_id) == BY_SCHEDULE
    assert due(engine, settings) is None, "one is unfinished"
    cancel(engine, run_id)
    assert due(engine, settings) is None, "it has had its turn"


def test_enough_new_labels_request_a_run_once(engine: Engine, settings: Settings) -> None:
    settings = replace(settings, retrain_after_labels=2)
    label(engine, 1)
    assert due(engine, settings) is None
    label(engine, 1)
    run_id = due(engine, settings)
    assert requested_by(engine, run_id) == BY_LABELS
    cancel(engine, run_id)
    assert due(engine, settings) is None, "these labels have had their run"


def test_labels_that_a_person_trained_on_already_do_not_count(engine: Engine, settings: Settings) -> None:
    settings = replace(settings, retrain_after_labels=1)
    label(engine, 1)
    with Session(engine) as session, session.begin():
        run_id = request_run(session, RunRequest(1, None, promote=True, requested_by="a person"))
    cancel(engine, run_id)
    assert due(engine, settings) is None


@pytest.mark.parametrize("wrong", ["daily", "61 * * * *", "0 3 * *", "a b c d e"])
def test_a_schedule_that_cannot_be_read_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv("HEADCT_RETRAIN_CRON", wrong)
    with pytest.raises(SettingsError, match="0 3"):
        load_settings()


def test_a_scheduled_run_waits_for_the_next_moment_after_the_last(engine: Engine, settings: Settings) -> None:
    settings = replace(settings, retrain_cron="* * * * *")
    run_id = due(engine, settings)
    assert run_id is not None
    with Session(engine) as session, session.begin():
        find_run(session, run_id).requested_at = now() - timedelta(minutes=2)
    cancel(engine, run_id)
    assert due(engine, settings) is not None
