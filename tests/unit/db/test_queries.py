import contextlib
import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import NoSuchFile
from db.arrivals import NewArrival, record_arrivals
from db.engine import now, read_session
from db.lifecycle import ModelStamp, Outcome
from db.promotions import promote, record_shipped, rollback
from db.queries import arrivals_of, find_file, predictions_of, unfinished_of
from db.results import ResultFilter, count_results, each_result, largest_id, results, results_of
from db.states import Cause
from tests.finished import finish_files


@pytest.fixture
def files(engine: Engine) -> list[int]:
    """Four files: probabilities 0.9, 0.2 and 0.6, and one that waits."""
    with Session(engine) as session, session.begin():
        arrivals = [NewArrival(f"{number:x}" * 64, 10, f"{number}.png", None) for number in range(4)]
        ids = sorted(record_arrivals(session, arrivals).values())
        outcomes = [
            Outcome(ids[0], 0.9, "hemorrhage"),
            Outcome(ids[1], 0.2, "normal"),
            Outcome(ids[2], 0.6, "hemorrhage"),
        ]
        finish_files(session, outcomes, ModelStamp("v1", "f" * 64, "p1", 0.5))
    return ids


def test_results_are_filtered_sorted_and_limited(engine: Engine, files: list[int]) -> None:
    with read_session(engine) as session:
        by_time = [row.file_id for row in results(session, ResultFilter())]
        probable = [row.file_id for row in results(session, ResultFilter(sort="probability"))]
        bleeds = [row.file_id for row in results(session, ResultFilter(label="hemorrhage", limit=1))]
        waiting = [row.file_id for row in results(session, ResultFilter(state="received"))]
        later = results(session, ResultFilter(since=now() + timedelta(hours=1)))
        assert count_results(session, ResultFilter(label="hemorrhage", limit=1)) == 2
        named = [row.file_id for row in results(session, ResultFilter(sort="file", limit=3))]
    assert by_time == files[::-1]
    assert named == files[:3]
    assert probable == [files[0], files[2], files[1]]
    assert (bleeds, waiting, later) == ([files[2]], [files[3]], [])


def test_results_can_be_read_batch_by_batch(engine: Engine, files: list[int]) -> None:
    with read_session(engine) as session:
        assert largest_id(session) == max(files)
        for wanted in (
            *(ResultFilter(sort=sort) for sort in ("time", "probability", "file")),
            ResultFilter(label="hemorrhage"),
        ):
            for limit in (0, 1, 2, 3):
                limited = replace(wanted, limit=limit)
                assert list(each_result(engine, limited, batch=2)) == results(session, limited)


def test_no_transaction_lasts_while_results_are_read_slowly(engine: Engine, files: list[int]) -> None:
    rows = each_result(engine, ResultFilter(label="hemorrhage"), batch=1)
    assert next(rows).file_id == files[2]
    with Session(engine) as session, session.begin():
        finish_files(session, [Outcome(files[0], 0.1, "normal")], ModelStamp("v2", "f" * 64, "p1", 0.5))
        new = NewArrival("f" * 64, 10, "new.png", None)
        record_arrivals(session, [new])
    if engine.dialect.name == "sqlite":
        with contextlib.closing(sqlite3.connect(str(engine.url.database))) as connection:
            busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert not busy, "nobody keeps SQLite from emptying its log"
    assert list(rows) == [], "the other one is no hemorrhage any more"


def test_a_new_model_versions_result_replaces_the_old_one_in_the_view_only(
    engine: Engine, files: list[int]
) -> None:
    with Session(engine) as session, session.begin():
        finish_files(session, [Outcome(files[0], 0.3, "normal")], ModelStamp("v2", "e" * 64, "p1", 0.5))
    with read_session(engine) as session:
        assert [row.model_version for row in results_of(session, [files[0]])] == ["v2"]
        assert [one.model_version for one in predictions_of(session, files[0])] == ["v1", "v2"]


def put_into_use(engine: Engine, version: str | None) -> None:
    with Session(engine) as session, session.begin():
        promote(session, version, cause=Cause.PERSON, decided_by="ann", evidence=None)


def shown(engine: Engine, file_id: int) -> tuple[str, float]:
    with read_session(engine) as session:
        ((row),) = results_of(session, [file_id])
        return row.model_version, row.probability


def test_the_view_shows_the_result_of_the_version_in_use_else_the_newest(
    engine: Engine, files: list[int]
) -> None:
    with Session(engine) as session, session.begin():
        record_shipped(session, "v1")
        finish_files(session, [Outcome(files[0], 0.3, "normal")], ModelStamp("v2", "e" * 64, "p1", 0.5))
    assert shown(engine, files[0]) == ("v1", 0.9), "the shipped one is in use"
    put_into_use(engine, "v2")
    assert shown(engine, files[0]) == ("v2", 0.3)
    assert shown(engine, files[1]) == ("v1", 0.2), "there is no other"
    with Session(engine) as session, session.begin():
        rollback(session, "ann")
    assert shown(engine, files[0]) == ("v1", 0.9)
    put_into_use(engine, "v3")
    assert shown(engine, files[0]) == ("v2", 0.3), "the newest, as v3 said nothing"
    put_into_use(engine, None)
    assert shown(engine, files[0]) == ("v1", 0.9)


def test_an_upgrade_of_headct_changes_which_version_ships(engine: Engine, files: list[int]) -> None:
    with Session(engine) as session, session.begin():
        record_shipped(session, "v1")
        finish_files(session, [Outcome(files[0], 0.3, "normal")], ModelStamp("v2", "e" * 64, "p1", 0.5))
    with Session(engine) as session, session.begin():
        record_shipped(session, "v2")
    assert shown(engine, files[0]) == ("v2", 0.3)


def test_unfinished_files_are_counted(engine: Engine, files: list[int]) -> None:
    with read_session(engine) as session:
        assert unfinished_of(session, files) == 1


def test_a_file_is_found_by_id_or_the_first_digits_of_its_sha256(engine: Engine, files: list[int]) -> None:
    with read_session(engine) as session:
        assert find_file(session, str(files[1])).id == files[1]
        assert find_file(session, "222222").id == files[2]
        assert [arrival.source_name for arrival in arrivals_of(session, files[2])] == ["2.png"]


@pytest.mark.parametrize("reference", ["99999", "abcdef12", "ab", "%%%%%%%", "'; --"])
def test_an_unknown_file_is_told(engine: Engine, files: list[int], reference: str) -> None:
    with read_session(engine) as session, pytest.raises(NoSuchFile, match="no file"):
        find_file(session, reference)
