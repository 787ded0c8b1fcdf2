"""When a study is final, and with what result."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, text, update
from sqlalchemy.orm import Session

from core.home import Home
from core.place import Place, SeriesFacts
from core.settings import Settings
from db.arrivals import NewArrival, record_arrivals
from db.engine import now
from db.lifecycle import Claimant, ModelStamp, Outcome, claim, finish, next_chunks
from db.promotions import record_shipped
from db.requeue import reclassify
from db.tables import Arrival, File, Image, Study, StudyResult
from db.worklist import WorklistFilter, item_rows, worklist
from models.store import ModelStore
from scheduler.finaliser import Finaliser
from tests.transactions import at

LEASE = timedelta(minutes=1)
SETTLE = 15.0
Tell = Callable[..., list[int]]


@pytest.fixture
def finaliser(engine: Engine, home: Home) -> Finaliser:
    with Session(engine) as session, session.begin():
        record_shipped(session, "v1")
    return Finaliser(Settings(study_settle_seconds=SETTLE), engine, ModelStore(home.models))


def place(number: int, study_uid: str = "1.1", **facts: object) -> Place:
    found = Place(
        study_uid,
        f"{study_uid}.1",
        sop_instance_uid=f"{study_uid}.1.{number}",
        position_mm=5.0 * number,
        series=SeriesFacts(number=2),
    )
    return replace(found, **facts)  # type: ignore[arg-type]


def arrive(engine: Engine, *names: str, stat: bool = False, study: str | None = None) -> list[int]:
    """Files of these names, with bytes of their own."""
    with Session(engine) as session, session.begin():
        ids = record_arrivals(
            session,
            [
                NewArrival(name.encode().hex().ljust(64, "0"), 1, name, None, study=study, stat=stat)
                for name in names
            ],
        )
    return [ids[name.encode().hex().ljust(64, "0")] for name in names]


def classify(
    engine: Engine, files: dict[int, Place | None], probability: float = 0.01, version: str = "v1"
) -> None:
    """As a worker does it."""
    with Session(engine) as session, session.begin():
        session.execute(update(File).where(File.id.in_(files)).values(state="queued"))
    claimant = Claimant(f"task-{min(files)}-{version}")
    with Session(engine) as session, session.begin():
        assert len(claim(session, list(files), claimant, LEASE, 3)) == len(files)
    label = "hemorrhage" if probability >= 0.5 else "normal"
    outcomes = [Outcome(file_id, probability, label, place=found) for file_id, found in files.items()]
    with Session(engine) as session, session.begin():
        finish(session, claimant, outcomes, ModelStamp(version, "f" * 64, "3", 0.5))


def let_pass(engine: Engine, seconds: float) -> None:
    """All that is recorded happened so much earlier."""
    with Session(engine) as session, session.begin():
        for table, columns in ((File, ("received_at",)), (Study, ("received_at", "last_arrival_at"))):
            for row in session.scalars(select(table)):
                for column in columns:
                    setattr(row, column, getattr(row, column) - timedelta(seconds=seconds))


def results(engine: Engine) -> list[tuple[object, ...]]:
    with Session(engine) as session:
        rows = session.scalars(select(StudyResult).order_by(StudyResult.id))
        return [(row.number, row.label, row.images_received) for row in rows]


def studies(engine: Engine) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT state, label, images_received, priority FROM studies"))
        return [tuple(row) for row in rows]


def listed(engine: Engine) -> list[str]:
    """UIDs and names in the worklist."""
    with engine.connect() as connection:
        rows = item_rows(connection, worklist(connection, WorklistFilter()).items)
        return sorted(row.study_uid or row.name for row in rows)


def test_a_study_is_final_when_no_image_came_for_a_while(engine: Engine, finaliser: Finaliser) -> None:
    files = arrive(engine, "a", "b", "c")
    classify(engine, {file_id: place(number) for number, file_id in enumerate(files)})
    assert finaliser.finalise() == 0
    assert studies(engine) == [("open", None, 3, "routine")]
    let_pass(engine, SETTLE)
    assert finaliser.finalise() == 1
    assert studies(engine) == [("final", "normal", 3, "routine")]
    assert finaliser.finalise() == 0


def test_a_late_image_reopens_it_and_the_former_result_stays(engine: Engine, finaliser: Finaliser) -> None:
    first = arrive(engine, "a", "b", "c")
    classify(engine, {file_id: place(number) for number, file_id in enumerate(first)})
    let_pass(engine, SETTLE)
    finaliser.finalise()
    late = arrive(engine, "d", "e", "f")
    classify(engine, {file_id: place(number) for number, file_id in enumerate(late, 3)}, 0.99)
    assert studies(engine) == [("open", "normal", 6, "routine")]
    let_pass(engine, SETTLE)
    finaliser.finalise()
    assert results(engine) == [(1, "normal", 3), (2, "hemorrhage", 6)]
    assert studies(engine) == [("final", "hemorrhage", 6, "routine")]


@contextlib.contextmanager
def meanwhile(act: Callable[[], object]) -> Iterator[None]:
    """Within the block, another transaction does this as soon as the finaliser has looked."""
    did = []

    def once() -> None:
        if not did:
            did.append(True)
            act()

    with at(Session, "after_commit", once):
        yield
    assert did


def test_an_image_that_comes_after_the_look_is_waited_for(engine: Engine, finaliser: Finaliser) -> None:
    files = arrive(engine, "a", "b", "c")
    classify(engine, {files[0]: place(0), files[1]: place(1)})
    let_pass(engine, SETTLE)
    with Session(engine) as session, session.begin():  # it was tried twice, and is not waited for
        session.execute(update(File).where(File.id == files[2]).values(attempts=2, received_at=now()))
    with meanwhile(lambda: classify(engine, {files[2]: place(2)})):
        finaliser.finalise()
    assert studies(engine) == [("open", None, 3, "routine")]
    let_pass(engine, SETTLE)
    finaliser.finalise()
    assert results(engine) == [(1, "normal", 3)]


def test_a_file_that_comes_after_the_look_is_waited_for(engine: Engine, finaliser: Finaliser) -> None:
    files = arrive(engine, "1.png", study="Doe")
    classify(engine, dict.fromkeys(files))
    let_pass(engine, SETTLE)
    with meanwhile(lambda: arrive(engine, "2.png", study="Doe")):
        finaliser.finalise()
    assert results(engine) == []


def test_what_comes_again_changes_nothing(engine: Engine, finaliser: Finaliser) -> None:
    files = arrive(engine, "a", "b", "c")
    classify(engine, {file_id: place(number) for number, file_id in enumerate(files)})
    let_pass(engine, SETTLE)
    finaliser.finalise()
    assert arrive(engine, "c", "b", "a") == files[::-1]
    recompressed = arrive(engine, "c2", "a2", "b2")
    classify(engine, {recompressed[0]: place(2), recompressed[1]: place(0), recompressed[2]: place(1)})
    assert studies(engine)[0][0] == "open"
    let_pass(engine, SETTLE)
    finaliser.finalise()
    assert results(engine) == [(1, "normal", 3)]
    assert studies(engine) == [("final", "normal", 3, "routine")]


def test_files_that_came_near_it_and_are_not_read_yet_are_waited_for(
    engine: Engine, finaliser: Finaliser
) -> None:
    (first, unread) = arrive(engine, "a", "unread")
    classify(engine, {first: place(1)})
    let_pass(engine, 2 * SETTLE)
    far = arrive(engine, "came long after it")
    assert finaliser.finalise() == 0
    classify(engine, {unread: None})
    assert finaliser.finalise() == 1
    assert len(far) == 1


def test_a_file_that_takes_workers_down_is_not_waited_for(engine: Engine, finaliser: Finaliser) -> None:
    (first, poison) = arrive(engine, "a", "poison")
    classify(engine, {first: place(1)})
    with Session(engine) as session, session.begin():
        session.execute(update(File).where(File.id == poison).values(attempts=2))
    let_pass(engine, SETTLE)
    assert finaliser.finalise() == 1


def test_when_all_that_are_announced_are_there_it_is_final_at_once(
    engine: Engine, finaliser: Finaliser
) -> None:
    files = arrive(engine, "a", "b")
    classify(engine, {files[0]: place(1, images_expected=2)})
    assert finaliser.finalise() == 0
    classify(engine, {files[1]: place(2, images_expected=2)})
    assert finaliser.finalise() == 1


def test_an_urgent_study_waits_for_urgent_files_alone(engine: Engine, finaliser: Finaliser) -> None:
    arrive(engine, *(f"backlog-{number}" for number in range(5)))
    urgent = arrive(engine, "a", "b", "c", stat=True)
    with Session(engine) as session, session.begin():
        assert next_chunks(session, 9, 2, LEASE, stat=True) == [urgent[:2], urgent[2:]]
    classify(engine, {file_id: place(number) for number, file_id in enumerate(urgent)})
    let_pass(engine, SETTLE)
    assert finaliser.finalise() == 1
    assert studies(engine) == [("final", "normal", 3, "stat")]


def test_a_known_study_becomes_urgent_when_it_comes_again_so(engine: Engine, finaliser: Finaliser) -> None:
    files = arrive(engine, "a", "b", "c")
    classify(engine, {file_id: place(number) for number, file_id in enumerate(files)})
    let_pass(engine, SETTLE)
    finaliser.finalise()
    arrive(engine, "a", "b", "c", stat=True)
    assert studies(engine) == [("final", "normal", 3, "stat")]


def test_a_number_of_images_that_is_too_small_is_not_believed(engine: Engine, finaliser: Finaliser) -> None:
    files = arrive(engine, "a", "b", "c")
    classify(engine, {file_id: place(number, images_expected=1) for number, file_id in enumerate(files)})
    assert finaliser.finalise() == 0


def test_a_named_study_is_of_the_files_that_came_under_its_name(engine: Engine, finaliser: Finaliser) -> None:
    loose = arrive(engine, "x/3.png")
    classify(engine, dict.fromkeys(loose), 0.99)
    files = arrive(engine, "x/1.png", "x/2.png", "x/3.png", study="Doe")
    assert files[2] == loose[0]
    assert studies(engine) == [("open", None, 3, "routine")]
    let_pass(engine, SETTLE)
    assert finaliser.finalise() == 0, "two of its files are still to be read"
    classify(engine, dict.fromkeys(files[:2]), 0.99)
    assert finaliser.finalise() == 1
    assert studies(engine) == [("final", "hemorrhage", 3, "routine")]


def test_dicom_in_a_named_folder_goes_by_its_own_study(engine: Engine, finaliser: Finaliser) -> None:
    files = arrive(engine, "1.dcm", "2.dcm", "3.dcm", study="Doe")
    classify(engine, {file_id: place(number) for number, file_id in enumerate(files)})
    let_pass(engine, SETTLE)
    assert finaliser.finalise() == 2
    assert sorted(studies(engine)) == [
        ("final", "normal", 3, "routine"),
        ("final", "not assessed", 0, "routine"),
    ]
    assert listed(engine) == ["1.1"]
    (picture,) = arrive(engine, "4.png", study="Doe")
    assert listed(engine) == ["1.1", "Doe"]
    classify(engine, {picture: None})
    let_pass(engine, SETTLE)
    finaliser.finalise()
    assert sorted(studies(engine))[1] == ("final", "uncertain", 1, "routine")
    assert listed(engine) == ["1.1", "Doe"]


def test_a_picture_without_a_head_is_tried_again_as_a_slice_of_a_study(engine: Engine) -> None:
    (file_id,) = arrive(engine, "neck.png")
    with Session(engine) as session, session.begin():
        session.execute(
            update(File).where(File.id == file_id).values(state="rejected", reason_code="no_head", reason="x")
        )
    arrive(engine, "neck.png")
    with Session(engine) as session:
        assert session.scalar(select(File.state)) == "rejected"
    arrive(engine, "neck.png", study="Doe")
    with Session(engine) as session, session.begin():
        assert session.scalar(select(File.state)) == "received"
        (chunk,) = next_chunks(session, 1, 9, LEASE)
        assert [one.of_study for one in claim(session, chunk, Claimant("t"), LEASE, 3)] == [True]


def test_results_of_the_version_in_use_count_once_it_judged_as_many(
    engine: Engine, finaliser: Finaliser
) -> None:
    files = arrive(engine, "a", "b", "c")
    placed = {file_id: place(number) for number, file_id in enumerate(files)}
    classify(engine, placed)
    let_pass(engine, SETTLE)
    finaliser.finalise()
    with Session(engine) as session, session.begin():
        record_shipped(session, "v2")
        assert reclassify(session, "v2", None) == 3
    assert finaliser.finalise() == 0
    classify(engine, placed, 0.99, "v2")
    assert finaliser.finalise() == 1
    assert results(engine) == [(1, "normal", 3), (2, "hemorrhage", 3)]


def test_a_rejected_slice_of_a_series_is_counted_and_told_of(engine: Engine, finaliser: Finaliser) -> None:
    files = arrive(engine, "a", "b", "c", "d")
    classify(engine, {file_id: place(number) for number, file_id in enumerate(files[:3])})
    with Session(engine) as session, session.begin():
        image = Image(
            file_id=files[3], frame=0, series_id=session.scalar(select(Image.series_id)), position_mm=15.0
        )
        session.add(image)
        session.execute(
            update(File)
            .where(File.id == files[3])
            .values(state="rejected", reason_code="damaged", reason="x")
        )
    let_pass(engine, SETTLE)
    finaliser.finalise()
    with Session(engine) as session:
        (row,) = session.scalars(select(StudyResult))
        assert (row.images_received, row.images_assessed) == (4, 3)
        assert row.warnings == "1 of the 4 images were rejected, or have no result of this version."


def test_a_clock_that_was_set_back_delays_nothing(engine: Engine, finaliser: Finaliser) -> None:
    (file_id,) = arrive(engine, "a")
    classify(engine, {file_id: place(1)})
    let_pass(engine, -86_400)
    assert finaliser.finalise() == 0
    with Session(engine) as session:
        assert session.scalars(select(Study.last_arrival_at)).one() <= now()
    let_pass(engine, SETTLE)
    assert finaliser.finalise() == 1


def test_members_join_the_study_that_their_archive_comes_again_for(
    engine: Engine, finaliser: Finaliser
) -> None:
    (archive,) = arrive(engine, "a.zip")
    members = arrive(engine, "1.png", "2.png", "3.png")
    with Session(engine) as session, session.begin():
        session.execute(update(Arrival).where(Arrival.file_id.in_(members)).values(archive_id=archive))
        session.execute(update(File).where(File.id == archive).values(state="unpacked", finished_at=now()))
    classify(engine, dict.fromkeys(members))
    for _ in range(2):
        arrive(engine, "a.zip", study="Doe")
        let_pass(engine, SETTLE)
        assert finaliser.finalise() == 1
        assert studies(engine) == [("final", "normal", 3, "routine")]
    assert results(engine) == [(1, "normal", 3)]


def test_members_of_an_archive_that_is_still_unpacked_are_waited_for(
    engine: Engine, finaliser: Finaliser
) -> None:
    (archive,) = arrive(engine, "a.zip")
    let_pass(engine, 10 * SETTLE)
    members = arrive(engine, "1.dcm", "2.dcm")
    with Session(engine) as session, session.begin():
        session.execute(update(Arrival).where(Arrival.file_id.in_(members)).values(archive_id=archive))
    classify(engine, {file_id: place(number) for number, file_id in enumerate(members)})
    let_pass(engine, SETTLE)
    assert finaliser.finalise() == 0
    with Session(engine) as session, session.begin():
        session.execute(update(File).where(File.id == archive).values(state="unpacked", finished_at=now()))
    assert finaliser.finalise() == 1
