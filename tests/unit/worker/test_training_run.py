"""How a run ends is written once, whatever happens; only the fit itself is stood in for here."""

import errno
import multiprocessing
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from core.errors import DatasetError, TrainingDiverged
from core.home import Home
from core.settings import Settings
from db.engine import now
from db.labelled_images import labelled_images
from db.promotions import promote, version_in_use
from db.states import Cause
from db.tables import Promotion, TrainingRun
from db.training_runs import (
    BY_SCHEDULE,
    RunRequest,
    cancel_run,
    claim_run,
    epochs_of,
    find_run,
    request_run,
    run_to_publish,
)
from models.card import ModelCard
from models.store import ModelStore, shipped_model
from tests.labelled import balanced, fill
from tests.site_models import register_copy
from training.dataset import load_dataset
from training.fit import Epoch
from training.train import Job, Watch
from worker.training_run import RUN_LEASE, Train, Trainer, run_training


def registered(job: Job, store: ModelStore, *, let_in: bool = True) -> ModelCard:
    """The shipped weights as a new version."""
    shipped = shipped_model()
    gate = {"incumbent": job.incumbent.card.version, "promote": let_in, "rule": "The rule.", "numbers": {}}
    card = replace(shipped.card, version=job.version, gate=gate, data_fingerprint=job.dataset.fingerprint)
    register_copy(store, job.version, card)
    return card


def good(job: Job, store: ModelStore, watch: Watch) -> ModelCard:
    watch.on_stage("fitting")
    for number in (1, 2):
        watch.on_epoch(Epoch(number, 2, 0.5, 0.6, 0.9))
    return registered(job, store)


def request(engine: Engine, *, may_promote: bool = True, by: str = "a person") -> int:
    with Session(engine) as session, session.begin():
        run_id = request_run(session, RunRequest(1, 2, may_promote, by))
        run_to_publish(session, RUN_LEASE)
    return run_id


def run(engine: Engine, settings: Settings, home: Home, run_id: int, make: Train = good) -> TrainingRun:
    """Do the run on a few images, with `make` for the fit."""
    with Session(engine) as session:
        empty = not labelled_images(session)
    if empty:
        fill(engine, home, balanced())
    run_training(Trainer(engine, run_id, lambda: None, renewal_s=0.02), settings, home, make)
    with Session(engine) as session:
        return find_run(session, run_id)


def in_use(engine: Engine) -> str | None:
    with Session(engine) as session:
        return version_in_use(session)


def test_a_good_version_goes_live_and_the_run_says_why(
    engine: Engine,
    settings: Settings,
    home: Home,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    ended = run(engine, settings, home, request(engine))
    assert (ended.state, ended.data_fingerprint, ended.attempts) == (
        "succeeded",
        load_dataset(engine, home).fingerprint,
        1,
    )
    assert ended.reason == "In use from now on. The rule."
    assert in_use(engine) == ended.model_version
    with Session(engine) as session:
        (promotion,) = session.scalars(select(Promotion)).all()
        assert (promotion.cause, promotion.decided_by) == ("gate", f"training run {ended.id}")
        assert promotion.evidence is not None
        assert [epoch.validation_auc for epoch in epochs_of(session, ended.id)] == [0.9, 0.9]
    assert "epoch 2 of 2" in home.training_log(ended.id).read_text()


@pytest.mark.parametrize(
    ("may_promote", "let_in", "said"),
    [(False, True, "--promote never"), (True, False, "Not in use. The rule.")],
)
def test_a_version_that_may_not_or_should_not_stays_out_of_use(
    engine: Engine,
    settings: Settings,
    home: Home,
    may_promote: bool,
    let_in: bool,
    said: str,
) -> None:
    ended = run(
        engine,
        settings,
        home,
        request(engine, may_promote=may_promote),
        lambda job, store, _: registered(job, store, let_in=let_in),
    )
    assert ended.state == "succeeded"
    assert said in str(ended.reason)
    assert in_use(engine) is None
    assert ModelStore(home.models).find(ended.model_version).card.version == ended.model_version


def test_a_version_that_came_into_use_meanwhile_is_not_replaced_unseen(
    engine: Engine, settings: Settings, home: Home
) -> None:
    def overtaken(job: Job, store: ModelStore, _: Watch) -> ModelCard:
        with Session(engine) as session, session.begin():
            promote(session, "by-hand", cause=Cause.PERSON, decided_by="a person", evidence=None)
        return registered(job, store)

    ended = run(engine, settings, home, request(engine), overtaken)
    assert "meanwhile" in str(ended.reason)
    assert in_use(engine) == "by-hand"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DatasetError("One class only. Import more."), "One class only. Import more."),
        (TrainingDiverged("The loss is no number."), "The loss is no number."),
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full. Make room"),
        (ZeroDivisionError("surprise"), "ZeroDivisionError: surprise. See the run's log."),
    ],
)
def test_a_failed_run_says_why_and_leaves_the_version_in_use_alone(
    engine: Engine,
    settings: Settings,
    home: Home,
    error: Exception,
    said: str,
) -> None:
    def failing(*_: object) -> ModelCard:
        raise error

    ended = run(engine, settings, home, request(engine), failing)
    assert ended.state == "failed"
    assert said in str(ended.reason)
    assert in_use(engine) is None
    assert f"training run {ended.id} failed" in home.training_log(ended.id).read_text()


def test_a_full_disk_ends_the_run_with_what_to_do_and_leaves_nothing_half_written(
    sqlite_engine: Engine,
    settings: Settings,
    home: Home,
    small_disk: Path,
) -> None:
    home.models.rmdir()
    home.models.symlink_to(small_disk)
    ended = run(sqlite_engine, settings, home, request(sqlite_engine))
    assert ended.state == "failed"
    assert "The disk is full. Make room below" in str(ended.reason)
    assert list(small_disk.iterdir()) == []
    assert in_use(sqlite_engine) is None


@pytest.mark.parametrize("moment", ["last epoch", "after registering"])
def test_a_cancelled_run_leaves_no_version_however_late_it_is_cancelled(
    engine: Engine, settings: Settings, home: Home, moment: str
) -> None:
    def cancel(run_id: int) -> None:
        with Session(engine) as session, session.begin():
            cancel_run(session, run_id)

    def cancelled(job: Job, store: ModelStore, watch: Watch) -> ModelCard:
        if moment == "last epoch":
            cancel(run_id)
            while True:
                watch.on_stage("goes on until the next renewal brings the news")
        card = good(job, store, watch)
        cancel(run_id)
        return card

    run_id = request(engine)
    assert run(engine, settings, home, run_id, cancelled).state == "cancelled"
    assert ModelStore(home.models).versions() == [shipped_model().card]
    assert in_use(engine) is None


def test_a_second_trainer_with_the_same_message_does_nothing(
    engine: Engine, settings: Settings, home: Home
) -> None:
    def surprised(*_: object) -> ModelCard:
        raise AssertionError("it trains beside the first")

    run_id = request(engine)
    with Session(engine) as session, session.begin():
        claim_run(session, run_id, "the first", RUN_LEASE)
    assert run(engine, settings, home, run_id, surprised).state == "running"


def test_who_lost_the_run_stops_and_writes_nothing(engine: Engine, settings: Settings, home: Home) -> None:
    def overtaken(_: Job, __: ModelStore, watch: Watch) -> ModelCard:
        with Session(engine) as session, session.begin():
            find_run(session, run_id).claimed_by = "another"
        while True:
            watch.on_stage("goes on until the next renewal brings the news")

    run_id = request(engine)
    ended = run(engine, settings, home, run_id, overtaken)
    assert (ended.state, ended.claimed_by) == ("running", "another")


def test_a_version_that_was_registered_before_the_worker_died_is_taken_over(
    engine: Engine, settings: Settings, home: Home
) -> None:
    class Killed(BaseException):
        pass

    def killed(job: Job, store: ModelStore, watch: Watch) -> ModelCard:
        good(job, store, watch)
        raise Killed

    run_id = request(engine)
    with pytest.raises(Killed):
        run(engine, settings, home, run_id, killed)
    with Session(engine) as session, session.begin():
        find_run(session, run_id).lease_expires_at = find_run(session, run_id).requested_at
    with Session(engine) as session, session.begin():
        assert run_to_publish(session, RUN_LEASE) == run_id
    ended = run(engine, settings, home, run_id, killed)
    assert (ended.state, ended.attempts) == ("succeeded", 2)
    assert in_use(engine) == ended.model_version
    assert len(ModelStore(home.models).versions()) == 2


def test_a_version_that_another_trainer_registered_meanwhile_is_taken_over(
    engine: Engine, settings: Settings, home: Home
) -> None:
    """Who lost the run notices late while the database is away."""

    def beside_another(job: Job, store: ModelStore, _: Watch) -> ModelCard:
        registered(job, store)
        return registered(job, store)

    ended = run(engine, settings, home, request(engine), beside_another)
    assert (ended.state, in_use(engine)) == ("succeeded", ended.model_version)


def test_who_lost_the_run_at_its_very_end_writes_nothing(
    engine: Engine,
    settings: Settings,
    home: Home,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def too_late(job: Job, store: ModelStore, _: Watch) -> ModelCard:
        with Session(engine) as session, session.begin():
            session.execute(update(TrainingRun).values(claimed_by="another"))
        return registered(job, store)

    ended = run(engine, settings, home, request(engine), too_late)
    assert (ended.state, ended.claimed_by, ended.model_version) == ("running", "another", None)
    assert in_use(engine) is None
    assert "another trainer holds it" in caplog.text
    assert "made model" not in caplog.text


def test_a_run_of_the_schedule_is_skipped_where_the_data_are_those_of_the_last_one(
    engine: Engine, settings: Settings, home: Home
) -> None:
    run(engine, settings, home, request(engine))
    ended = run(engine, settings, home, request(engine, by=BY_SCHEDULE))
    assert ended.state == "skipped"
    assert "have not changed" in str(ended.reason)
    assert run(engine, settings, home, request(engine)).state == "succeeded", "a person's run is not skipped"


def test_a_run_whose_database_goes_away_begins_anew_and_takes_over_what_it_registered(
    engine: Engine, settings: Settings, home: Home
) -> None:
    def cut_off(job: Job, store: ModelStore, watch: Watch) -> ModelCard:
        good(job, store, watch)
        raise OperationalError("UPDATE", None, Exception("database is locked"))

    run_id = request(engine)
    assert run(engine, settings, home, run_id, cut_off).state == "running"
    with Session(engine) as session, session.begin():
        find_run(session, run_id).lease_expires_at = now()
    with Session(engine) as session, session.begin():
        assert run_to_publish(session, RUN_LEASE) == run_id
    ended = run(engine, settings, home, run_id, cut_off)
    assert (ended.state, ended.attempts) == ("succeeded", 2)
    versions = [card.version for card in ModelStore(home.models).versions()]
    assert versions.count(str(ended.model_version)) == 1


def test_a_message_about_a_run_that_does_not_exist_is_logged(
    engine: Engine, settings: Settings, home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    run_training(Trainer(engine, 999_999_999, lambda: None), settings, home)
    (told,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert told.getMessage() == (
        "a message names training run 999999999, which does not exist; it is passed over"
    )


def test_a_run_that_comes_no_step_further_ends_its_process_and_begins_anew(
    sqlite_engine: Engine, settings: Settings, home: Home
) -> None:
    mark = home.health / "training@here"

    def slow_but_going(job: Job, store: ModelStore, watch: Watch) -> ModelCard:
        for _ in range(20):
            time.sleep(0.1)
            watch.on_step()
        return registered(job, store)

    def hanging(_: Job, __: ModelStore, watch: Watch) -> ModelCard:
        watch.on_stage("fitting")
        time.sleep(60)
        raise AssertionError("it was not ended")

    fill(sqlite_engine, home, balanced())
    run_id = request(sqlite_engine)
    sqlite_engine.dispose()  # a connection must not be forked
    trainer = Trainer(sqlite_engine, run_id, mark.touch, renewal_s=0.02, hangs_after_s=0.5)
    process = multiprocessing.get_context("fork").Process(
        target=run_training, args=(trainer, settings, home, hanging)
    )
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    assert mark.exists()
    assert "came no step further" in home.training_log(run_id).read_text()
    with Session(sqlite_engine) as session, session.begin():
        find_run(session, run_id).lease_expires_at = now()
    with Session(sqlite_engine) as session, session.begin():
        assert run_to_publish(session, RUN_LEASE) == run_id
    again = Trainer(sqlite_engine, run_id, mark.touch, renewal_s=0.02, hangs_after_s=0.5)
    run_training(again, settings, home, slow_but_going)
    with Session(sqlite_engine) as session:
        ended = find_run(session, run_id)
    assert (ended.state, ended.attempts) == ("succeeded", 2)
