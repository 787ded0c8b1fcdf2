"""Two worker hosts that finish the last slices of one study at the same moment, while it is finalised."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from core.home import Home
from core.place import Place
from core.settings import Settings
from db.arrivals import NewArrival, record_arrivals
from db.lifecycle import Claimant, ModelStamp, Outcome, claim, finish
from db.places import reopen_named
from db.promotions import record_shipped
from db.studies import results_of_study
from db.tables import File, Study
from models.store import ModelStore
from scheduler.finaliser import Finaliser

_LEASE = timedelta(minutes=1)
_TIMES = 15


def test_the_last_two_slices_are_in_one_final_result(engine: Engine, home: Home) -> None:
    with Session(engine) as session, session.begin():
        record_shipped(session, "v1")
    finaliser = Finaliser(Settings(study_settle_seconds=0), engine, ModelStore(home.models))
    together = threading.Barrier(3)

    def finish_one(time: int, number: int, file_id: int) -> None:
        place = Place(f"1.{time + 1}", f"1.{time + 1}.1", f"1.{time + 1}.1.{number}", number)
        outcome = Outcome(file_id, 0.9, "hemorrhage", place=place)
        together.wait()
        with Session(engine) as session, session.begin():
            finish(session, Claimant(f"{time}-{number}"), [outcome], ModelStamp("v1", "f" * 64, "3", 0.5))

    def finalise() -> None:
        together.wait()
        finaliser.finalise()

    with ThreadPoolExecutor(3) as threads:
        for time in range(_TIMES):
            one, other = _running(engine, time)
            begun = [
                threads.submit(finish_one, time, 0, one),
                threads.submit(finish_one, time, 1, other),
                threads.submit(finalise),
            ]
            for done in begun:
                done.result()
            finaliser.finalise()
    with Session(engine) as session:
        assert session.scalar(select(func.count()).select_from(Study)) == _TIMES
        for study in session.scalars(select(Study)):
            *_, last = results_of_study(session, study.id)
            assert (study.state, last.images_received, last.number <= 2) == ("final", 2, True)


def test_who_records_and_who_finishes_lock_studies_in_one_order(engine: Engine) -> None:
    """PostgreSQL ends one of two that wait for each other."""
    arrivals = [NewArrival(f"{n:064x}", 1, f"{n}", None, study=name) for n, name in enumerate("BA")]
    with Session(engine) as session, session.begin():
        record_arrivals(session, arrivals[:1])
    with Session(engine) as session, session.begin():
        ids = list(record_arrivals(session, arrivals).values())
    together = threading.Barrier(2)

    def record() -> None:
        together.wait()
        for _ in range(_TIMES * 10):
            with Session(engine) as session, session.begin():
                record_arrivals(session, arrivals)

    def reopen() -> None:
        together.wait()
        for _ in range(_TIMES * 20):
            with Session(engine) as session, session.begin():
                reopen_named(session, ids)

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(record), threads.submit(reopen)]:
            done.result()


def _running(engine: Engine, time: int) -> list[int]:
    """Two files, each in the hands of another task."""
    with Session(engine) as session, session.begin():
        new = [NewArrival(f"{time:032x}{number:032x}", 1, f"{number}", None) for number in (1, 2)]
        ids = sorted(record_arrivals(session, new).values())
        session.execute(update(File).where(File.id.in_(ids)).values(state="queued"))
    with Session(engine) as session, session.begin():
        for number, file_id in enumerate(ids):
            claim(session, [file_id], Claimant(f"{time}-{number}"), _LEASE, 3)
    return ids
