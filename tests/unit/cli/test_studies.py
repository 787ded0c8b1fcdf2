"""`headct studies`, and what a reader says of a study."""

import json
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from core.home import Home
from core.place import Place
from core.settings import Settings
from core.store import open_regular, opened_folder, store_file
from db.arrivals import NewArrival, record_arrivals
from db.lifecycle import ModelStamp, Outcome
from db.promotions import record_shipped
from db.tables import File, Reading, Study
from models.store import ModelStore, shipped_model
from scheduler.finaliser import Finaliser
from tests.dicom_files import as_bytes, ct_slice
from tests.finished import finish_files
from tests.unit.cli.test_dataset import run

UID, OTHER = "1.2.5", "1.2.6"


@pytest.fixture(autouse=True)
def studies(home_in_use: Home, sqlite_engine: Engine, tmp_path: Path) -> None:
    """One of four slices, of which two bleed, and one of three that do not."""
    outcomes = []
    with Session(sqlite_engine) as session, session.begin():
        record_shipped(session, shipped_model().card.version)
        for uid, probabilities in ((OTHER, (0.01, 0.01, 0.01)), (UID, (0.01, 0.99, 0.99, 0.99))):
            for number, probability in enumerate(probabilities):
                path = tmp_path / f"{uid}-{number}"
                path.write_bytes(as_bytes(ct_slice(InstanceNumber=number)))
                with opened_folder(home_in_use.store) as store:
                    sha256 = store_file(open_regular(path), store, link=False).sha256
                (file_id,) = record_arrivals(session, [NewArrival(sha256, 1, path.name, None)]).values()
                place = Place(
                    uid, f"{uid}.1", f"{uid}.1.{number}", number, 5.0 * number, accession_number=f"A{uid}"
                )
                label = "hemorrhage" if probability > 0.5 else "normal"
                outcomes.append(Outcome(file_id, probability, label, place=place))
        version = shipped_model().card.version
        finish_files(session, outcomes, ModelStamp(version, "f" * 64, "3", 0.5))
    settings = Settings(study_settle_seconds=0)
    assert Finaliser(settings, sqlite_engine, ModelStore(home_in_use.models)).finalise() == 2


def test_the_worklist_has_the_most_urgent_first() -> None:
    code, said = run("studies", "--format", "json")
    assert code == 0, said
    rows = json.loads(said)
    assert [(row["study_uid"], row["label"], row["images_assessed"]) for row in rows] == [
        (UID, "hemorrhage", 4),
        (OTHER, "normal", 3),
    ]
    _, said = run("studies", "--label", "normal", "--format", "csv")
    assert len(said.splitlines()) == 2
    assert OTHER in said
    _, said = run("studies", "--state", "open")
    assert UID not in said
    _, said = run("studies", "--limit", "1")
    assert f"A{UID}" in said
    assert "1 of 2 shown" in said


def test_a_study_is_shown_by_uid_accession_number_or_id_and_drawn(tmp_path: Path) -> None:
    for name in (UID, f"A{UID}"):
        code, said = run("studies", "show", name, "-o", str(tmp_path / "strip.png"))
        assert code == 0, said
        assert said.count(">>>") == 3
        assert "4 slices" in said
    with Image.open(tmp_path / "strip.png") as drawn:
        colours = {colour for _, colour in drawn.getcolors(2**24) or ()}
    assert {(46, 139, 87), (209, 54, 47)} <= colours
    for asked, named in (("Doe", "'Doe'"), ("id=Doe", "'id=Doe'"), ("id=9999", "'9999'")):
        code, said = run("studies", "show", asked)
        assert code == 1
        assert f"There is no study {named}" in said


def test_what_is_the_id_of_one_study_and_the_name_of_another_is_refused(sqlite_engine: Engine) -> None:
    with Session(sqlite_engine) as session, session.begin():
        (id_,) = session.scalars(select(Study.id).where(Study.study_uid == OTHER))
        session.execute(update(Study).where(Study.study_uid == UID).values(accession_number=str(id_)))
    code, said = run("label", "--study", str(id_), "normal")
    assert code == 1
    assert "More than one study" in said
    code, said = run("label", "--study", f"id={id_}", "normal")
    assert code == 0, said
    assert f"Study {id_} " in said


def test_a_study_needs_a_name_that_can_be_kept(tmp_path: Path) -> None:
    for name in ("", " ", "x" * 256, "a\tb"):
        code, said = run("submit", "--study", name, str(tmp_path))
        assert code == 2, said
        assert "one line of 1 to 255 characters" in said


def test_a_reader_says_what_a_study_shows(sqlite_engine: Engine) -> None:
    code, said = run("label", UID, "normal", "--by", "ann")
    assert code == 0, said
    assert "as a whole" in said
    code, said = run("label", "--study", f"A{OTHER}", "hemorrhage", "--by", "bob")
    assert code == 0, said
    with Session(sqlite_engine) as session:
        said_of = session.execute(select(Reading.label, Reading.image_id).order_by(Reading.id)).all()
    assert [tuple(row) for row in said_of] == [("normal", None), ("hemorrhage", None)]
    _, said = run("studies", "--format", "json")
    assert [row["reader_label"] for row in json.loads(said)] == ["normal", "hemorrhage"]
    _, said = run("studies", "show", UID)
    assert "ann" in said
    assert run("label", "--study", "Doe", "normal")[0] == 1


def test_a_study_is_classified_again(sqlite_engine: Engine) -> None:
    with Session(sqlite_engine) as session, session.begin():
        before = session.scalars(select(File.id).where(File.state == "classified")).all()
    assert len(before) == 7
    code, said = run("reclassify", "--study", UID)
    assert code == 0, said
    assert "0 files wait" in said, "they have a result of the version in use"
