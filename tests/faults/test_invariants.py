"""The checker finds what it is there for."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, delete, inspect, update
from sqlalchemy.orm import Session

from core.home import Home
from db.arrivals import NewArrival, record_arrivals
from db.engine import now
from db.lifecycle import ModelStamp, Outcome
from db.tables import Arrival, File, Prediction, WorklistItem
from db.training_runs import RunRequest, request_run
from tests.faults.invariants import Drop, check
from tests.finished import finish_files
from tests.processes import wait_until

CONTENT = b"a file"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
DROPPED = [Drop("a.png", SHA256, "classified")]
Damage = Callable[[Session, Home], object]


@pytest.fixture
def finished(home: Home, sqlite_engine: Engine) -> Engine:
    """One file, classified."""
    (home.store / SHA256).write_bytes(CONTENT)
    with Session(sqlite_engine) as session, session.begin():
        (file_id,) = record_arrivals(session, [NewArrival(SHA256, len(CONTENT), "a.png", None)]).values()
        finish_files(session, [Outcome(file_id, 0.9, "hemorrhage")], ModelStamp("v1", "f" * 64, "p1", 0.5))
    return sqlite_engine


def test_a_home_where_all_is_well_has_no_problem(home: Home, finished: Engine) -> None:
    found = check(home, finished, DROPPED)
    assert (found.files, found.lost, found.doubled, found.stuck, found.problems) == (1, 0, 0, 0, ())


def test_a_frame_without_a_result_is_counted(home: Home, finished: Engine) -> None:
    found = check(home, finished, [replace(DROPPED[0], frames=2)])
    assert (found.lost, found.problems) == (1, ("1 files have not one result of each frame",))


def arrive_again(session: Session, _: Home) -> None:
    record_arrivals(session, [NewArrival(SHA256, len(CONTENT), "a.png", None)])


def leave_unfinished(session: Session, _: Home) -> None:
    session.execute(update(File).values(state="running", lease_expires_at=now() - timedelta(minutes=1)))


def give_up(session: Session, _: Home, state: str) -> None:
    session.execute(update(File).values(state=state, reason="why"))


def test_a_process_that_is_left_over_is_named(home: Home, finished: Engine) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], env={"HEADCT_HOME": str(home.root)}
    ) as orphan:
        problems = wait_until(lambda: check(home, finished, DROPPED).problems, what="it is seen")
        orphan.kill()
    assert f"process {orphan.pid} is left over" in problems[0]


def test_the_database_itself_refuses_a_second_result_of_a_version(engine: Engine) -> None:
    """Which is why the checker cannot be shown one."""
    unique = inspect(engine).get_unique_constraints("prediction")
    assert ["image_id", "model_version"] in [one["column_names"] for one in unique]


@pytest.mark.parametrize(
    ("damage", "counts", "said"),
    [
        (lambda session, _: session.execute(delete(Arrival)), (1, 0, 0), "not recorded"),
        (lambda session, _: session.execute(delete(Prediction)), (1, 0, 1), "have no result"),
        (lambda session, _: session.execute(delete(WorklistItem)), (0, 0, 1), "worklist"),
        (
            lambda session, _: session.execute(update(WorklistItem).values(label="normal")),
            (0, 0, 2),
            "worklist",
        ),
        (lambda session, home: give_up(session, home, "rejected"), (1, 0, 0), "another state"),
        (lambda session, home: give_up(session, home, "quarantined"), (0, 0, 1), "another state"),
        (arrive_again, (0, 1, 0), "more than once"),
        (leave_unfinished, (0, 0, 1), "beyond their lease"),
        (lambda session, _: session.execute(update(File).values(attempts=4)), (0, 0, 0), "more than 3 times"),
        (
            lambda session, _: request_run(session, RunRequest(3, 1, False, "ann")),
            (0, 0, 1),
            "training runs are",
        ),
        (lambda _, home: (home.inbox / "b.png").write_bytes(b""), (0, 0, 1), "in the inbox"),
        (lambda _, home: (home.store / SHA256).unlink(), (0, 0, 0), "no file in the store"),
        (lambda _, home: (home.store / SHA256).write_bytes(b"x"), (0, 0, 0), "other bytes"),
        (lambda _, home: (home.store / ("0" * 64)).write_bytes(b"x"), (0, 0, 0), "have no file"),
    ],
)
def test_what_is_wrong_is_counted_and_said(
    home: Home, finished: Engine, damage: Damage, counts: tuple[int, int, int], said: str
) -> None:
    with Session(finished) as session, session.begin():
        damage(session, home)
    found = check(home, finished, DROPPED)
    assert (found.lost, found.doubled, found.stuck) == counts
    assert said in "; ".join(found.problems)
