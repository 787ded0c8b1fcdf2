import hashlib
from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from core.errors import StoreUnavailable
from core.home import Home
from core.name_order import by_name
from core.settings import Settings
from db.archives import members_by_state
from db.arrivals import NewArrival, record_arrivals
from db.engine import now
from db.lifecycle import expire_leases, next_chunks
from db.requeue import reclassify, retry
from db.results import results_of
from db.tables import Arrival, File, Study
from tests.archives import MAKERS, tar_gz_of, tar_of, zip_of
from tests.unit.worker.test_classification import classify, png, stored
from worker import unpacking

FILES = [("s/1.png", png(1)), ("s/2.png", png(2)), ("read me.txt", b"hello"), ("s/10.png", png(3))]


def chunk_of(engine: Engine) -> list[int]:
    with Session(engine) as session, session.begin():
        return [one for chunk in next_chunks(session, 9, 64, timedelta(minutes=1)) for one in chunk]


def arrived(engine: Engine, archive_id: int) -> list[str]:
    with Session(engine) as session:
        names = session.scalars(select(Arrival.source_name).where(Arrival.archive_id == archive_id))
        return sorted(names, key=by_name)


def file_of(engine: Engine, file_id: int) -> File:
    with Session(engine) as session:
        return session.get_one(File, file_id)


@pytest.mark.parametrize("kind", MAKERS)
def test_the_images_of_an_archive_are_classified_and_it_says_what_became_of_its_members(
    engine: Engine, settings: Settings, home: Home, kind: str
) -> None:
    (archive,) = stored(engine, home, [MAKERS[kind](FILES)])
    assert classify(engine, settings, home, [archive]) == 1
    found = file_of(engine, archive)
    assert (found.state, found.reason_code, found.attempts, found.claimed_by) == ("unpacked", None, 1, None)
    assert found.warnings == "3 images were taken out of it. Passed over: no images by their content: 1."
    assert found.finished_at is not None
    assert arrived(engine, archive) == ["x/s/1.png", "x/s/2.png", "x/s/10.png"]
    members = chunk_of(engine)
    assert classify(engine, settings, home, members) == 3
    with Session(engine) as session:
        assert members_by_state(session, archive) == {"classified": 3}
        assert {row.sha256 for row in results_of(session, members)} == {
            hashlib.sha256(content).hexdigest() for name, content in FILES if name.endswith("png")
        }
        assert results_of(session, [archive])[0].label is None
        assert reclassify(session, "other", None) == 3, "its members, not itself"
        assert retry(session, [archive]) == 0


def test_images_beside_archives_have_their_results_first_and_one_archive_is_unpacked(
    engine: Engine, settings: Settings, home: Home
) -> None:
    ids = stored(engine, home, [zip_of(FILES[:1]), png(9), zip_of(FILES[1:])])
    assert classify(engine, settings, home, ids) == 3
    assert [file_of(engine, one).state for one in ids] == ["unpacked", "classified", "received"]
    assert file_of(engine, ids[2]).attempts == 0
    while chunk := chunk_of(engine):
        classify(engine, settings, home, chunk)
    with Session(engine) as session:
        assert set(session.scalars(select(File.state))) == {"unpacked", "classified"}


@pytest.mark.parametrize("kind", MAKERS)
def test_a_worker_that_is_killed_on_the_way_leaves_nothing_to_be_recorded_twice(
    engine: Engine, settings: Settings, home: Home, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [(f"{number}.png", png(number)) for number in range(20)]
    (archive,) = stored(engine, home, [MAKERS[kind](files)])
    monkeypatch.setattr(unpacking, "_BATCH", 3)
    whole, recorded = unpacking._Unpacking._record, []

    def killed(self: unpacking._Unpacking, batch: list[NewArrival], store: int) -> bool:
        recorded.append(len(batch))
        if len(recorded) == 4:
            raise KeyboardInterrupt
        return whole(self, batch, store)

    monkeypatch.setattr(unpacking._Unpacking, "_record", killed)
    with pytest.raises(KeyboardInterrupt):
        classify(engine, settings, home, [archive])
    assert len(arrived(engine, archive)) == 9
    with Session(engine) as session, session.begin():
        session.execute(update(File).where(File.id == archive).values(lease_expires_at=now()))
        assert expire_leases(session, settings.max_attempts) == [archive]
    recorded.clear()
    while archive not in (chunk := chunk_of(engine)):
        classify(engine, settings, home, chunk, task="members")
    monkeypatch.setattr(unpacking._Unpacking, "_record", whole)
    classify(engine, settings, home, chunk, task="again")
    assert arrived(engine, archive) == [f"x/{name}" for name, _ in files]
    assert (file_of(engine, archive).warnings or "").startswith("20 images")


def test_what_is_left_when_the_time_is_up_waits_again_at_no_attempt(
    engine: Engine, settings: Settings, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "_BATCH", 2)
    monkeypatch.setattr("worker.classification.PORTION_S", 0.0)
    (archive,) = stored(engine, home, [tar_gz_of(FILES)])
    classify(engine, settings, home, [archive])
    found = file_of(engine, archive)
    assert (found.state, found.attempts, found.claimed_by) == ("received", 0, None)
    assert len(arrived(engine, archive)) == 2
    classify(engine, settings, home, chunk_of(engine), task="next")
    assert file_of(engine, archive).state == "unpacked"
    assert len(arrived(engine, archive)) == 3


def test_who_lost_the_archive_meanwhile_records_nothing_more(
    engine: Engine, settings: Settings, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    (archive,) = stored(engine, home, [zip_of(FILES)])

    def lost(_: int, __: int) -> None:
        with Session(engine) as session, session.begin():
            session.execute(update(File).where(File.id == archive).values(claimed_by="other:0"))

    monkeypatch.setattr(unpacking, "_check_room", lost)
    classify(engine, settings, home, [archive])
    assert file_of(engine, archive).state == "running"
    assert arrived(engine, archive) == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (zip_of([("a.txt", b"a")]), "no_image"),
        (zip_of([]), "no_image"),
        (zip_of(FILES)[:-1], "damaged"),
        (tar_gz_of(FILES)[:-1], "damaged"),
    ],
)
def test_an_archive_that_gives_nothing_is_rejected(
    engine: Engine, settings: Settings, home: Home, content: bytes, code: str
) -> None:
    ids = stored(engine, home, [content])
    classify(engine, settings, home, ids)
    found = file_of(engine, ids[0])
    assert (found.state, found.reason_code) == ("rejected", code)
    assert arrived(engine, ids[0]) == []
    with Session(engine) as session, session.begin():
        assert retry(session, ids) == 1


def test_an_archive_over_its_limit_is_rejected_and_unpacked_once_that_is_raised(
    engine: Engine, settings: Settings, home: Home
) -> None:
    ids = stored(engine, home, [zip_of([("a.png", png(1) + bytes(2**21))])])
    classify(engine, replace(settings, max_archive_mb=1.0), home, ids)
    assert file_of(engine, ids[0]).reason_code == "too_large"
    with Session(engine) as session, session.begin():
        retry(session, ids)
    classify(engine, settings, home, chunk_of(engine), task="again")
    assert file_of(engine, ids[0]).state == "unpacked"


def test_a_member_over_the_limit_of_a_file_is_passed_over_and_counted(
    engine: Engine, settings: Settings, home: Home
) -> None:
    ids = stored(engine, home, [zip_of([("a.png", png(1) + bytes(2**21)), ("b.png", png(2))])])
    classify(engine, replace(settings, max_file_mb=1.0), home, ids)
    assert (file_of(engine, ids[0]).warnings or "").endswith(
        "Passed over: larger than HEADCT_MAX_FILE_MB: 1."
    )


def test_without_room_an_archive_waits_at_no_attempt(engine: Engine, settings: Settings, home: Home) -> None:
    ids = stored(engine, home, [zip_of(FILES)])
    with pytest.raises(StoreUnavailable, match="Make room"):
        classify(engine, replace(settings, min_free_mb=100_000_000), home, ids)
    found = file_of(engine, ids[0])
    assert (found.state, found.attempts) == ("received", 0)


def test_members_have_the_archives_study_and_haste(engine: Engine, settings: Settings, home: Home) -> None:
    content = zip_of(FILES)
    sha256 = hashlib.sha256(content).hexdigest()
    (home.store / sha256).write_bytes(content)
    with Session(engine) as session, session.begin():
        record_arrivals(session, [NewArrival(sha256, 1, "studies/ann/a.zip", "key", study="ann", stat=True)])
    classify(engine, settings, home, chunk_of(engine))
    with Session(engine) as session:
        found = session.execute(
            select(File.stat, Study.name)
            .join(Arrival, Arrival.file_id == File.id)
            .join(Study, Study.id == Arrival.study_id)
        ).all()
    assert [tuple(row) for row in found] == [(True, "ann")] * 4


def test_bytes_that_are_known_and_those_that_come_twice_are_one_file(
    engine: Engine, settings: Settings, home: Home
) -> None:
    stored(engine, home, [png(1)])
    (archive,) = stored(engine, home, [tar_of([("1.png", png(1)), ("2.png", png(2)), ("2.png", png(2))])])
    classify(engine, settings, home, [archive])
    assert arrived(engine, archive) == ["x/1.png", "x/2.png", "x/2.png"]
    with Session(engine) as session:
        assert len(session.scalars(select(File.id)).all()) == 3
