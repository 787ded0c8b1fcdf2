from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from core.reasons import Reason, ReasonCode
from db.arrivals import NewArrival, record_arrivals
from db.engine import now
from db.lifecycle import (
    Claimant,
    ModelStamp,
    Outcome,
    claim,
    expire_leases,
    finish,
    next_chunks,
    release,
    renew_leases,
    unqueue,
)
from db.queries import counts_by_state, find_file, oldest_unfinished, predictions_of
from db.requeue import reclassify, retry
from db.results import ResultFilter, results, results_of
from db.tables import Arrival, File, Prediction
from tests.finished import finish_files

MODEL = ModelStamp("v1", "f" * 64, "p1", 0.5)
LEASE = timedelta(minutes=1)


def arrival(number: int, name: str = "", identity: str | None = None) -> NewArrival:
    return NewArrival(f"{number:064x}", 100, name or f"{number}.png", identity)


def arrive(engine: Engine, count: int) -> list[int]:
    with Session(engine) as session, session.begin():
        return sorted(record_arrivals(session, [arrival(number) for number in range(count)]).values())


def queue(engine: Engine, chunk_size: int = 16) -> list[list[int]]:
    with Session(engine) as session, session.begin():
        return next_chunks(session, 10, chunk_size, LEASE)


def take(engine: Engine, ids: list[int], task: str, retries: int = 0) -> list[int]:
    with Session(engine) as session, session.begin():
        return [file.id for file in claim(session, ids, Claimant(task, retries), LEASE, 3)]


def expire(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        session.execute(update(File).values(lease_expires_at=now() - LEASE))


def take_back(engine: Engine) -> int:
    with Session(engine) as session, session.begin():
        return len(expire_leases(session, 3))


def counts(engine: Engine) -> dict[str, int]:
    with Session(engine) as session:
        return {state: count for state, count in counts_by_state(session).items() if count}


def test_the_same_bytes_are_one_file_with_two_arrivals(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        record_arrivals(session, [arrival(1, "a.png"), arrival(1, "b.png")])
    with Session(engine) as session, session.begin():
        record_arrivals(session, [arrival(1, "c.png")])
        assert session.scalar(select(func.count()).select_from(File)) == 1
        assert list(session.scalars(select(Arrival.source_name).order_by(Arrival.id))) == [
            "a.png",
            "b.png",
            "c.png",
        ]


def test_a_file_seen_twice_by_its_identity_arrives_once(engine: Engine) -> None:
    for _ in range(2):
        with Session(engine) as session, session.begin():
            record_arrivals(session, [arrival(1, "a.png", "inode:1")])
    with Session(engine) as session:
        assert session.scalar(select(func.count()).select_from(Arrival)) == 1


def test_a_refused_file_is_rejected_with_its_reason_and_never_queued(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        record_arrivals(
            session,
            [
                NewArrival(
                    "a" * 64, 10**10, "big.tif", None, refused=Reason(ReasonCode.TOO_LARGE, "too large")
                )
            ],
        )
    assert queue(engine) == []
    with Session(engine) as session:
        assert find_file(session, "aaaaaa").reason == "too large"


def test_waiting_files_are_queued_once_in_chunks_oldest_first(engine: Engine) -> None:
    ids = arrive(engine, 5)
    assert queue(engine, chunk_size=2) == [ids[:2], ids[2:4], ids[4:]]
    assert queue(engine) == []


def test_a_busy_queue_gets_full_chunks_only(engine: Engine) -> None:
    ids = arrive(engine, 5)
    with Session(engine) as session, session.begin():
        assert next_chunks(session, 10, 2, LEASE, full_only=True) == [ids[:2], ids[2:4]]
    assert counts(engine) == {"queued": 4, "received": 1}


def test_images_that_could_not_be_published_wait_again(engine: Engine) -> None:
    (chunk,) = queue_of(engine, 3)
    with Session(engine) as session, session.begin():
        unqueue(session, chunk)
    assert queue(engine) == [chunk]


def queue_of(engine: Engine, count: int) -> list[list[int]]:
    arrive(engine, count)
    return queue(engine)


def test_a_file_is_claimed_by_one_task_only(engine: Engine) -> None:
    (chunk,) = queue_of(engine, 3)
    assert take(engine, chunk, "first") == chunk
    assert take(engine, chunk, "second") == []


def test_a_result_is_written_once_however_often_it_is_computed(engine: Engine) -> None:
    (chunk,) = queue_of(engine, 2)
    take(engine, chunk, "task")
    for probability in (0.9, 0.9):
        with Session(engine) as session, session.begin():
            finish(
                session, Claimant("task"), [Outcome(id_, probability, "hemorrhage") for id_ in chunk], MODEL
            )
    with Session(engine) as session:
        assert session.scalar(select(func.count()).select_from(Prediction)) == 2
        assert oldest_unfinished(session) is None
        row = results(session, ResultFilter(limit=1))[0]
        assert (row.state, row.label, row.model_version) == ("classified", "hemorrhage", "v1")
        assert row.classified_at.utcoffset() == timedelta(0)
    assert take(engine, chunk, "task") == []


def test_a_bad_image_is_rejected_beside_classified_neighbours(engine: Engine) -> None:
    (chunk,) = queue_of(engine, 2)
    take(engine, chunk, "task")
    with Session(engine) as session, session.begin():
        outcomes = [
            Outcome(chunk[0], rejected=Reason(ReasonCode.NOT_AN_IMAGE, "not an image")),
            Outcome(chunk[1], 0.1, "normal"),
        ]
        assert finish(session, Claimant("task"), outcomes, MODEL) == chunk
    assert counts(engine) == {"classified": 1, "rejected": 1}


@pytest.mark.parametrize(
    "late",
    [Outcome(1, rejected=Reason(ReasonCode.NOT_AN_IMAGE, "not an image")), Outcome(1, 0.9, "hemorrhage")],
)
def test_a_worker_that_comes_late_changes_no_final_state(engine: Engine, late: Outcome) -> None:
    ((file_id,),) = queue_of(engine, 1)
    take(engine, [file_id], "stood still")
    expire(engine)
    take_back(engine)
    queue(engine)
    take(engine, [file_id], "other")
    with Session(engine) as session, session.begin():
        finish(session, Claimant("other"), [Outcome(file_id, 0.1, "normal")], MODEL)
        reclassify(session, "v2", None)
    with Session(engine) as session, session.begin():
        late = replace(late, file_id=file_id)
        assert finish(session, Claimant("stood still"), [late], replace(MODEL, version="v0")) == []
    assert counts(engine) == {"received": 1}, "it waits for the other version as it was asked for"
    with Session(engine) as session:
        assert [said.model_version for said in predictions_of(session, file_id)] == ["v1"]


def test_a_file_that_is_given_back_cost_no_attempt(engine: Engine) -> None:
    (chunk,) = queue_of(engine, 2)
    for _ in range(5):
        assert take(engine, chunk, "task") == chunk
        with Session(engine) as session, session.begin():
            release(session, Claimant("another task"))
            assert set(session.scalars(select(File.attempts))) == {1}
            release(session, Claimant("task"))
        assert queue(engine) == [chunk], "together, as if new"


def test_a_message_that_came_twice_takes_nothing_from_its_own_next_try(engine: Engine) -> None:
    """Or two of them could take a file that kills workers from each other for ever, at no attempt."""
    ((file_id,),) = queue_of(engine, 1)
    for retries, taken in ((0, 1), (1, 1), (0, 0)):
        with Session(engine) as session, session.begin():
            assert len(claim(session, [file_id], Claimant("task", retries), LEASE, 3)) == taken
            assert session.scalar(select(File.attempts)) == 1


def test_members_of_a_chunk_whose_worker_died_travel_alone(engine: Engine) -> None:
    (chunk,) = queue_of(engine, 3)
    take(engine, chunk, "task")
    assert take(engine, chunk, "task") == [], "the redelivered task gives them back"
    assert queue(engine) == [[id_] for id_ in chunk]


def test_a_file_that_takes_the_worker_down_three_times_is_quarantined(engine: Engine) -> None:
    ((file_id,),) = queue_of(engine, 1)
    for _ in range(2):
        assert take(engine, [file_id], "task") == [file_id]
    assert take(engine, [file_id], "task") == [], "who kills again and again meets other files next"
    assert counts(engine) == {"running": 1}
    expire(engine)
    assert take_back(engine) == 1
    assert queue(engine) == [[file_id]]
    assert take(engine, [file_id], "another") == [file_id]
    assert take(engine, [file_id], "another") == []
    with Session(engine) as session, session.begin():
        file = find_file(session, str(file_id))
        assert file.state == "quarantined"
        assert "3 times" in str(file.reason)
        assert retry(session, [file_id]) == 1
    assert queue(engine) == [[file_id]]


def test_a_task_that_is_tried_again_after_a_database_error_counts_no_attempt(engine: Engine) -> None:
    (chunk,) = queue_of(engine, 2)
    for retries in range(5):
        assert take(engine, chunk, "task", retries) == chunk
    with Session(engine) as session:
        assert set(session.scalars(select(File.attempts))) == {1}


def test_a_worker_that_dies_in_a_later_try_of_a_task_is_noticed_too(engine: Engine) -> None:
    (chunk,) = queue_of(engine, 2)
    assert take(engine, chunk, "task", 0) == chunk
    assert take(engine, chunk, "task", 1) == chunk
    assert take(engine, chunk, "task", 1) == [], "redelivered: they travel alone from here on"
    (first,), _ = queue(engine)
    for retries in (0, 1, 1):
        take(engine, [first], "alone", retries)
    with Session(engine) as session:
        assert find_file(session, str(first)).attempts == 2
    assert counts(engine) == {"running": 1, "queued": 1}


def test_a_first_try_that_failed_before_its_claim_does_not_hide_an_attempt(engine: Engine) -> None:
    ((file_id,),) = queue_of(engine, 1)
    assert take(engine, [file_id], "task", 1) == [file_id]
    with Session(engine) as session:
        assert find_file(session, str(file_id)).attempts == 1


def test_expired_files_wait_again_and_are_quarantined_after_three_attempts(engine: Engine) -> None:
    ((file_id,),) = queue_of(engine, 1)
    for attempt in range(3):
        assert take(engine, [file_id], f"task {attempt}") == [file_id]
        expire(engine)
        assert take_back(engine) == 1
        queue(engine)
    assert counts(engine) == {"quarantined": 1}


def test_a_lease_that_ends_later_than_this_clock_can_have_said_begins_anew(engine: Engine) -> None:
    (chunk,) = queue_of(engine, 2)
    take(engine, chunk[:1], "task")
    for hours, only_absurd in ((2, True), (-2, False)):
        with Session(engine) as session, session.begin():
            session.execute(update(File).values(lease_expires_at=now() + timedelta(hours=hours)))
            renew_leases(session, LEASE, only_absurd=only_absurd)
        assert take_back(engine) == 0
        with Session(engine) as session:
            for end in session.scalars(select(File.lease_expires_at)):
                assert end is not None
                assert now() < end <= now() + LEASE


def test_a_plausible_lease_is_left_alone(engine: Engine) -> None:
    queue_of(engine, 1)
    expire(engine)
    with Session(engine) as session, session.begin():
        renew_leases(session, LEASE, only_absurd=True)
    assert take_back(engine) == 1


def test_a_queued_file_whose_message_was_lost_costs_no_attempt(engine: Engine) -> None:
    ((file_id,),) = queue_of(engine, 1)
    for _ in range(5):
        expire(engine)
        take_back(engine)
        assert queue(engine) == [[file_id]]


@pytest.mark.parametrize("state", ["received", "queued", "classified"])
def test_only_rejected_and_quarantined_files_are_retried(engine: Engine, state: str) -> None:
    (file_id,) = arrive(engine, 1)
    with Session(engine) as session, session.begin():
        session.execute(update(File).values(state=state))
        assert retry(session, [file_id]) == 0


def classify(engine: Engine, ids: list[int], model: ModelStamp) -> None:
    with Session(engine) as session, session.begin():
        finish_files(session, [Outcome(id_, 0.9, "hemorrhage") for id_ in ids], model)


def ask_again(engine: Engine, version: str, since: datetime | None = None) -> int:
    with Session(engine) as session, session.begin():
        return reclassify(session, version, since)


def test_classified_files_without_a_result_of_the_version_get_a_second_one_and_keep_the_first(
    engine: Engine,
) -> None:
    ids = arrive(engine, 4)
    classify(engine, ids[:2], MODEL)
    classify(engine, ids[2:3], replace(MODEL, version="v2"))
    assert ask_again(engine, "v2") == 2
    assert ask_again(engine, "v2") == 0, "they wait already"
    with Session(engine) as session:
        waiting = results(session, ResultFilter(state="received"))
        assert [row.model_version for row in waiting] == [None, "v1", "v1"], "the first result stays visible"
        chunks = next_chunks(session, 10, 16, LEASE, again=True)
        session.commit()
    assert chunks == [ids[:2]]
    assert take(engine, chunks[0], "task") == ids[:2]
    classify(engine, ids[:2], replace(MODEL, version="v2"))
    with Session(engine) as session:
        said = [row.model_version for row in predictions_of(session, ids[0])]
        assert said == ["v1", "v2"]
        assert find_result(session, ids[0]) == ("classified", "v2")


def find_result(session: Session, file_id: int) -> tuple[str, str]:
    (row,) = results_of(session, [file_id])
    return row.state, row.model_version


def test_only_files_received_since_then_are_classified_again(engine: Engine) -> None:
    ids = arrive(engine, 2)
    classify(engine, ids, MODEL)
    with Session(engine) as session, session.begin():
        session.execute(update(File).where(File.id == ids[0]).values(received_at=now() - timedelta(days=2)))
    assert ask_again(engine, "v2", now() - timedelta(days=1)) == 1
    with Session(engine) as session:
        assert [row.file_id for row in results(session, ResultFilter(state="received"))] == ids[1:]


def test_a_classified_file_keeps_its_attempts_until_it_is_classified_again(engine: Engine) -> None:
    ids = queue_of(engine, 2)[0]
    for task in ("dies", "ends"):
        assert take(engine, ids, task) == ids
        if task == "dies":
            expire(engine)
            take_back(engine)
            queue(engine)
    classify(engine, ids, MODEL)
    with Session(engine) as session:
        assert set(session.scalars(select(File.attempts))) == {2}
    assert ask_again(engine, "v2") == 2
    with Session(engine) as session:
        assert set(session.scalars(select(File.attempts))) == {0}
        assert next_chunks(session, 10, 16, LEASE, again=True) == [ids], "they travel together, as if new"


def test_a_file_that_is_put_back_waits_from_then_on(engine: Engine) -> None:
    classified, rejected = arrive(engine, 2)
    (chunk,) = queue(engine)
    take(engine, chunk, "task")
    outcomes = [
        Outcome(classified, 0.1, "normal"),
        Outcome(rejected, rejected=Reason(ReasonCode.NOT_AN_IMAGE, "not an image")),
    ]
    with Session(engine) as session, session.begin():
        finish(session, Claimant("task"), outcomes, MODEL)
        session.execute(update(File).values(received_at=now() - timedelta(days=2)))
    asked = now()
    with Session(engine) as session, session.begin():
        assert (retry(session, [rejected]), reclassify(session, "v2", None)) == (1, 1)
        since = oldest_unfinished(session)
        assert since is not None
        assert since >= asked, "it does not count from when it arrived"
    (chunk,) = queue(engine)
    with Session(engine) as session, session.begin():
        (claimed,) = claim(session, chunk, Claimant("again"), LEASE, 3)
    assert claimed.waits_since is not None
    assert claimed.waits_since >= asked
    arrive(engine, 3)
    with Session(engine) as session, session.begin():
        session.execute(update(File).where(File.requeued_at.is_(None)).values(received_at=asked))
        assert oldest_unfinished(session) == asked


def test_what_is_classified_again_stays_apart_from_new_files_when_its_message_is_lost(engine: Engine) -> None:
    ids = arrive(engine, 1)
    classify(engine, ids, MODEL)
    ask_again(engine, "v2")
    with Session(engine) as session, session.begin():
        assert next_chunks(session, 10, 16, LEASE) == []
        assert next_chunks(session, 10, 16, LEASE, again=True) == [ids]
    expire(engine)
    take_back(engine)
    assert queue(engine) == []


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (ReasonCode.FILE_CHANGED, "received"),
        (ReasonCode.FILE_UNREADABLE, "received"),
        (ReasonCode.DAMAGED, "rejected"),
    ],
)
def test_bytes_that_come_again_mend_a_file_whose_stored_file_was_at_fault(
    engine: Engine, code: ReasonCode, state: str
) -> None:
    with Session(engine) as session, session.begin():
        (file_id,) = record_arrivals(session, [arrival(1)]).values()
        finish_files(session, [Outcome(file_id, rejected=Reason(code, "why"))], MODEL)
    with Session(engine) as session, session.begin():
        assert record_arrivals(session, [arrival(1, "again.png")]) == {f"{1:064x}": file_id}
    with Session(engine) as session:
        file = session.get_one(File, file_id)
        assert file.state == state
        assert (file.reason is None) == (file.reason_code is None) == (state == "received")
