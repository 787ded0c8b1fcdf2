from datetime import timedelta

from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from db.engine import now
from db.tables import TrainingRun
from db.training_runs import (
    MAX_ATTEMPTS,
    claim_run,
    fail_run,
    keep_run,
    list_runs,
    request_run,
    runs_to_publish,
    succeed_run,
)

LEASE = timedelta(minutes=10)


def request(engine: Engine) -> int:
    with Session(engine) as session, session.begin():
        return request_run(session, seed=1, epochs=None)


def publish(engine: Engine) -> list[int]:
    with Session(engine) as session, session.begin():
        return list(runs_to_publish(session, LEASE))


def claim(engine: Engine, run_id: int) -> bool:
    with Session(engine) as session, session.begin():
        return claim_run(session, run_id, LEASE) is not None


def expire(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        session.execute(update(TrainingRun).values(lease_expires_at=now() - LEASE))


def state(engine: Engine, run_id: int) -> tuple[str, str | None]:
    with Session(engine) as session:
        (run,) = [run for run in list_runs(session, 10) if run.id == run_id]
        return run.state, run.reason


def test_a_run_is_published_once_and_claimed_once(engine: Engine) -> None:
    run_id = request(engine)
    assert publish(engine) == [run_id]
    assert publish(engine) == []
    assert claim(engine, run_id)
    assert not claim(engine, run_id)
    assert not claim(engine, run_id + 1)


def test_one_run_at_a_time(engine: Engine) -> None:
    first, second = request(engine), request(engine)
    publish(engine)
    assert claim(engine, first)
    assert not claim(engine, second)
    with Session(engine) as session, session.begin():
        succeed_run(session, first, "v2", {"auc": 0.9})
    assert claim(engine, second)


def test_a_run_whose_worker_died_is_published_again_and_fails_in_the_end(engine: Engine) -> None:
    run_id = request(engine)
    for _ in range(MAX_ATTEMPTS):
        assert publish(engine) == [run_id]
        assert claim(engine, run_id)
        expire(engine)
    assert publish(engine) == []
    found, reason = state(engine, run_id)
    assert found == "failed"
    assert "training.log" in str(reason)


def test_a_heartbeat_keeps_a_run(engine: Engine) -> None:
    run_id = request(engine)
    publish(engine)
    claim(engine, run_id)
    expire(engine)
    with Session(engine) as session, session.begin():
        keep_run(session, run_id, LEASE)
    assert publish(engine) == []


def test_an_ended_run_stays_ended(engine: Engine) -> None:
    run_id = request(engine)
    publish(engine)
    claim(engine, run_id)
    with Session(engine) as session, session.begin():
        fail_run(session, run_id, "one class only")
    assert state(engine, run_id) == ("failed", "one class only")
    assert publish(engine) == []
    assert not claim(engine, run_id)
