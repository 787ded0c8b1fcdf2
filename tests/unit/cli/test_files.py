import shutil
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from cli.files import reclassify, show
from core.errors import ModelNotFound
from core.home import Home
from db.arrivals import NewArrival, record_arrivals
from db.engine import now
from db.lifecycle import ModelStamp, Outcome
from db.promotions import promote
from db.queries import counts_by_state
from db.readings import record_reading
from db.states import Cause
from db.tables import File, Image
from tests.finished import finish_files


@pytest.fixture(autouse=True)
def classified(home_in_use: Home, sqlite_engine: Engine) -> None:
    """Three files with a result of some other version; the first came two days ago."""
    with Session(sqlite_engine) as session, session.begin():
        arrivals = [NewArrival(f"{number:064x}", 1, "x", None) for number in range(3)]
        ids = sorted(record_arrivals(session, arrivals).values())
        finish_files(
            session, [Outcome(id_, 0.9, "hemorrhage") for id_ in ids], ModelStamp("old", "f" * 64, "1", 0.5)
        )
        session.execute(update(File).where(File.id == ids[0]).values(received_at=now() - timedelta(days=2)))


def shown(number: int, capsys: pytest.CaptureFixture[str]) -> str:
    show(str(number))
    return capsys.readouterr().out


def test_a_file_is_shown_without_empty_rows_and_with_what_the_results_show(
    sqlite_engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    out = shown(1, capsys)
    rows = {line.rstrip() for line in out.splitlines()}
    assert not rows & {"reason", "what to do", "warnings", "why", "distance"}
    assert "`headct results` shows the result of old." in rows
    assert "disagrees" not in out


@pytest.mark.parametrize(("said", "disagrees"), [("normal", True), ("hemorrhage", False)])
def test_a_reader_who_disagrees_with_the_result_is_told(
    sqlite_engine: Engine, capsys: pytest.CaptureFixture[str], said: str, disagrees: bool
) -> None:
    with Session(sqlite_engine) as session, session.begin():
        image = session.scalars(select(Image.id).where(Image.file_id == 1)).one()
        record_reading(session, image, "normal", "bob", None)
        record_reading(session, image, said, "ann", None)
    told = "The newest reader, ann, disagrees: normal, not hemorrhage."
    assert (told in shown(1, capsys)) is disagrees


def waiting(engine: Engine) -> int:
    with Session(engine) as session:
        return counts_by_state(session)["received"]


def test_it_says_how_many_and_wakes_the_dispatcher(
    home_in_use: Home, sqlite_engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    reclassify(since="1d")
    assert "2 files" in capsys.readouterr().out
    assert waiting(sqlite_engine) == 2
    assert home_in_use.wake.exists()
    shutil.rmtree(home_in_use.run)  # so that no scheduler runs
    reclassify()
    assert waiting(sqlite_engine) == 3
    assert "1 file waits" in capsys.readouterr().out


def test_while_the_version_in_use_is_broken_nothing_is_asked_of_the_workers(sqlite_engine: Engine) -> None:
    with Session(sqlite_engine) as session, session.begin():
        promote(session, "gone", cause=Cause.PERSON, decided_by="ann", evidence=None)
    with pytest.raises(ModelNotFound):
        reclassify()
    assert waiting(sqlite_engine) == 0
