from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import ScanNotFound
from db.arrivals import NewArrival, record_arrivals
from db.engine import now, reading
from db.lifecycle import ModelStamp, Outcome
from db.queries import arrivals_of, find_scan, predictions_of, unfinished_of
from db.results import ResultFilter, count_results, each_result, largest_id, results, results_of
from tests.finished import finish_scans


@pytest.fixture
def scans(engine: Engine) -> list[int]:
    """Four scans: probabilities 0.9, 0.2 and 0.6, and one that waits."""
    with Session(engine) as session, session.begin():
        arrivals = [NewArrival(f"{number:x}" * 64, 10, f"{number}.png", None) for number in range(4)]
        ids = sorted(record_arrivals(session, arrivals).values())
        outcomes = [
            Outcome(ids[0], 0.9, "hemorrhage"),
            Outcome(ids[1], 0.2, "normal"),
            Outcome(ids[2], 0.6, "hemorrhage"),
        ]
        finish_scans(session, outcomes, ModelStamp("v1", "f" * 64, "p1", 0.5))
    return ids


def test_results_are_filtered_sorted_and_limited(engine: Engine, scans: list[int]) -> None:
    with reading(engine) as session:
        by_time = [row.scan_id for row in results(session, ResultFilter())]
        probable = [row.scan_id for row in results(session, ResultFilter(sort="probability"))]
        bleeds = [row.scan_id for row in results(session, ResultFilter(label="hemorrhage", limit=1))]
        waiting = [row.scan_id for row in results(session, ResultFilter(state="received"))]
        later = results(session, ResultFilter(since=now() + timedelta(hours=1)))
        assert count_results(session, ResultFilter(label="hemorrhage", limit=1)) == 2
    assert by_time == scans[::-1]
    assert probable == [scans[0], scans[2], scans[1]]
    assert (bleeds, waiting, later) == ([scans[2]], [scans[3]], [])


def test_results_can_be_read_batch_by_batch(
    engine: Engine, scans: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.results._BATCH", 2)
    with engine.execution_options(read_only=True).connect() as connection:
        rows = each_result(connection, ResultFilter())
        first = next(iter(rows)).scan_id
        assert largest_id(connection) == first == max(scans)
        assert [row.scan_id for row in rows] == scans[::-1][1:]


def test_a_new_model_versions_result_replaces_the_old_one_in_the_view_only(
    engine: Engine, scans: list[int]
) -> None:
    with Session(engine) as session, session.begin():
        finish_scans(session, [Outcome(scans[0], 0.3, "normal")], ModelStamp("v2", "e" * 64, "p1", 0.5))
    with reading(engine) as session:
        assert [row.model_version for row in results_of(session, [scans[0]])] == ["v2"]
        assert [one.model_version for one in predictions_of(session, scans[0])] == ["v1", "v2"]


def test_unfinished_scans_are_counted(engine: Engine, scans: list[int]) -> None:
    with reading(engine) as session:
        assert unfinished_of(session, scans) == 1


def test_a_scan_is_found_by_id_or_the_first_digits_of_its_sha256(engine: Engine, scans: list[int]) -> None:
    with reading(engine) as session:
        assert find_scan(session, str(scans[1])).id == scans[1]
        assert find_scan(session, "222222").id == scans[2]
        assert [arrival.source_name for arrival in arrivals_of(session, scans[2])] == ["2.png"]


@pytest.mark.parametrize("reference", ["99999", "abcdef12", "ab", "%%%%%%%", "'; --"])
def test_an_unknown_scan_is_told(engine: Engine, scans: list[int], reference: str) -> None:
    with reading(engine) as session, pytest.raises(ScanNotFound, match="no scan"):
        find_scan(session, reference)
