from datetime import timedelta

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from core.errors import RunNotFound, WorkersDeaf
from db.engine import now
from db.states import RunState
from db.tables import TrainingRun
from db.training_runs import (
    MAX_ATTEMPTS,
    RUN_LEASE,
    Held,
    RunRequest,
    cancel_run,
    check_begun,
    claim_run,
    end_run,
    epochs_of,
    find_run,
    last_fingerprint,
    record_epoch,
    renew_run,
    renew_run_leases,
    request_run,
    run_to_publish,
)

LEASE = timedelta(minutes=1)
EPOCH = {"number": 1, "of": 2, "loss": 0.7, "validation_loss": None, "validation_auc": None}


def request(engine: Engine) -> int:
    with Session(engine) as session, session.begin():
        return request_run(session, RunRequest(seed=1, epochs=None, promote=True, requested_by="a person"))


def publish(engine: Engine) -> int | None:
    with Session(engine) as session, session.begin():
        return run_to_publish(session, LEASE)


def claim(engine: Engine, run_id: int, claimant: str = "one") -> bool:
    with Session(engine) as session, session.begin():
        return claim_run(session, run_id, claimant, LEASE) is not None


def keep(engine: Engine, run_id: int, claimant: str = "one") -> Held:
    with Session(engine) as session, session.begin():
        return renew_run(session, run_id, claimant, LEASE)


def end(engine: Engine, run_id: int, state: RunState, claimant: str = "one") -> Held:
    with Session(engine) as session, session.begin():
        return end_run(session, run_id, claimant, state, reason="why", data_fingerprint="f")


def cancel(engine: Engine, run_id: int) -> RunState:
    with Session(engine) as session, session.begin():
        return cancel_run(session, run_id)


def expire(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        session.execute(update(TrainingRun).values(lease_expires_at=now() - LEASE))


def state(engine: Engine, run_id: int) -> str:
    with Session(engine) as session:
        return find_run(session, run_id).state


def running(engine: Engine) -> int:
    run_id = request(engine)
    assert publish(engine) == run_id
    assert claim(engine, run_id)
    return run_id


def test_a_run_is_published_once_and_claimed_once(engine: Engine) -> None:
    run_id = request(engine)
    assert publish(engine) == run_id
    assert publish(engine) is None
    assert claim(engine, run_id)
    assert not claim(engine, run_id, "another")
    assert not claim(engine, run_id + 1)


def test_a_message_that_was_lost_is_published_again(engine: Engine) -> None:
    run_id = request(engine)
    publish(engine)
    expire(engine)
    assert publish(engine) == run_id


def test_a_second_run_waits_for_its_turn(engine: Engine) -> None:
    first = running(engine)
    second = request(engine)
    assert publish(engine) is None
    assert not claim(engine, second, "another")
    assert end(engine, first, RunState.SUCCEEDED) is Held.YES
    assert publish(engine) == second
    assert claim(engine, second, "another")


def test_a_run_whose_worker_died_is_begun_again_and_fails_in_the_end(engine: Engine) -> None:
    run_id = request(engine)
    for attempt in range(MAX_ATTEMPTS):
        assert publish(engine) == run_id
        assert claim(engine, run_id, str(attempt))
        expire(engine)
    assert publish(engine) is None
    with Session(engine) as session:
        run = find_run(session, run_id)
        assert (run.state, "training.log" in str(run.reason)) == ("failed", True)


def test_a_renewal_keeps_a_run_even_a_late_one(engine: Engine) -> None:
    run_id = running(engine)
    expire(engine)
    assert keep(engine, run_id) is Held.YES
    assert publish(engine) is None


def test_who_lost_a_run_is_told_and_cannot_end_it(engine: Engine) -> None:
    run_id = running(engine)
    expire(engine)
    assert publish(engine) == run_id
    assert claim(engine, run_id, "another")
    assert keep(engine, run_id, "one") is Held.LOST
    assert end(engine, run_id, RunState.SUCCEEDED, "one") is Held.LOST
    assert end(engine, run_id, RunState.SUCCEEDED, "another") is Held.YES


def test_an_ended_run_stays_ended(engine: Engine) -> None:
    run_id = running(engine)
    end(engine, run_id, RunState.FAILED)
    assert end(engine, run_id, RunState.SUCCEEDED) is Held.LOST
    assert publish(engine) is None
    assert not claim(engine, run_id)
    assert cancel(engine, run_id) is RunState.FAILED
    assert state(engine, run_id) == "failed"


def test_a_waiting_run_is_cancelled_at_once(engine: Engine) -> None:
    run_id = request(engine)
    assert cancel(engine, run_id) is RunState.REQUESTED
    assert state(engine, run_id) == "cancelled"
    assert publish(engine) is None


def test_a_cancelled_run_does_not_succeed_any_more(engine: Engine) -> None:
    run_id = running(engine)
    assert cancel(engine, run_id) is RunState.RUNNING
    assert keep(engine, run_id) is Held.CANCELLED
    assert end(engine, run_id, RunState.SUCCEEDED) is Held.CANCELLED
    assert end(engine, run_id, RunState.CANCELLED) is Held.YES


def test_a_run_that_is_cancelled_while_its_worker_is_gone_does_not_begin_again(engine: Engine) -> None:
    run_id = running(engine)
    cancel(engine, run_id)
    expire(engine)
    assert publish(engine) is None
    assert state(engine, run_id) == "cancelled"


def test_the_learning_curve_begins_anew_with_the_run(engine: Engine) -> None:
    run_id = running(engine)
    with Session(engine) as session, session.begin():
        record_epoch(session, run_id, "one", EPOCH)
        record_epoch(session, run_id, "a stranger", {**EPOCH, "number": 2})
    with Session(engine) as session:
        assert [epoch.number for epoch in epochs_of(session, run_id)] == [1]
    expire(engine)
    publish(engine)
    claim(engine, run_id, "another")
    with Session(engine) as session:
        assert epochs_of(session, run_id) == []


def test_the_last_successful_run_tells_what_it_trained_on(engine: Engine) -> None:
    with Session(engine) as session:
        assert last_fingerprint(session) is None
    end(engine, running(engine), RunState.SUCCEEDED)
    with Session(engine) as session:
        assert last_fingerprint(session) == "f"


def test_an_unknown_run_is_said(engine: Engine) -> None:
    with pytest.raises(RunNotFound, match="no training run 7"):
        cancel(engine, 7)


def test_leases_that_a_clock_set_back_made_endless_begin_anew(engine: Engine) -> None:
    run_id = running(engine)
    with Session(engine) as session, session.begin():
        find_run(session, run_id).lease_expires_at = now() + timedelta(hours=2)
        renew_run_leases(session, LEASE, only_absurd=True)
    with Session(engine) as session:
        end = find_run(session, run_id).lease_expires_at
    assert end is not None
    assert now() < end <= now() + RUN_LEASE
    assert keep(engine, run_id) is Held.YES


def test_a_run_that_could_not_give_a_sign_while_the_database_was_away_goes_on(engine: Engine) -> None:
    run_id = running(engine)
    expire(engine)
    with Session(engine) as session, session.begin():
        renew_run_leases(session, LEASE, only_absurd=False)
    assert publish(engine) is None
    assert keep(engine, run_id) is Held.YES


def test_a_run_that_nobody_begins_is_told(engine: Engine) -> None:
    def look() -> None:
        with Session(engine) as session:
            check_begun(session)

    def long_ago(run_id: int) -> None:
        with Session(engine) as session, session.begin():
            find_run(session, run_id).requested_at = now() - timedelta(seconds=300)

    look()
    first, second = request(engine), request(engine)
    look()
    for run_id in (first, second):
        long_ago(run_id)
    with pytest.raises(WorkersDeaf, match="has waited for 300 s, and none is under way"):
        look()
    assert claim(engine, first)
    look()
    with Session(engine) as session, session.begin():
        end_run(session, first, "one", RunState.FAILED, reason="it failed")
    look()  # the second one's turn has just come
    with Session(engine) as session, session.begin():
        find_run(session, first).finished_at = now() - timedelta(seconds=200)
    with pytest.raises(WorkersDeaf, match="200 s"):
        look()
