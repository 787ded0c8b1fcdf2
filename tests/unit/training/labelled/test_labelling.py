"""A reader's verdict is recorded, and the image joins the training data."""

import hashlib
import shutil
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import LabelConflict, StoreUnavailable
from core.home import Home
from core.image_files import Limits
from db.engine import now, read_session
from db.labelled_images import labelled_images
from db.readings import readings_of
from db.states import FileState
from db.tables import File, Image, LabelledImage
from tests.labelled import class_folders
from training.labelled.examining import examine_all
from training.labelled.folder import list_folder
from training.labelled.importing import import_images
from training.labelled.labelling import Verdict, label_image


def add_file(engine: Engine, home: Home, data: bytes) -> File:
    sha256 = hashlib.sha256(data).hexdigest()
    (home.store / sha256).write_bytes(data)
    with Session(engine, expire_on_commit=False) as session, session.begin():
        file = File(sha256=sha256, size_bytes=1, state=FileState.CLASSIFIED, attempts=0, received_at=now())
        session.add(file)
    return file


def say(engine: Engine, home: Home, file: File, label: str) -> str | None:
    return label_image(engine, home, Limits(), file.sha256, "a.png", Verdict(file.id, label, "Dr A", "sure"))


def rows(engine: Engine) -> list[LabelledImage]:
    with read_session(engine) as session:
        return list(labelled_images(session))


def labels(engine: Engine, file: File) -> list[str]:
    with read_session(engine) as session:
        return [one.label for one in readings_of(session, file.id)]


@pytest.fixture
def folder(tmp_path: Path, synthetic_images: Path) -> Path:
    return class_folders(synthetic_images, tmp_path / "set", 4)


@pytest.fixture
def slice_bytes(folder: Path) -> bytes:
    return min((folder / "Normal").iterdir()).read_bytes()


def import_all(engine: Engine, home: Home, folder: Path) -> None:
    images, _ = examine_all(list_folder(folder).listed, Limits())
    import_images(engine, home, images, folder, Limits())


def test_a_labelled_image_joins_the_training_data(engine: Engine, home: Home, slice_bytes: bytes) -> None:
    file = add_file(engine, home, slice_bytes)
    assert say(engine, home, file, "normal") is None
    (row,) = rows(engine)
    assert (row.sha256, row.label, row.source_name) == (file.sha256, "normal", "a.png")
    with read_session(engine) as session:
        image = session.get_one(Image, row.image_id)
    assert (image.file_id, image.frame) == (file.id, 0)
    assert (home.dataset / file.sha256).samefile(home.store / file.sha256), "linked, not copied"


def test_a_changed_mind_changes_the_label_and_not_the_part(
    engine: Engine, home: Home, slice_bytes: bytes
) -> None:
    file = add_file(engine, home, slice_bytes)
    say(engine, home, file, "normal")
    before = rows(engine)[0]
    assert say(engine, home, file, "hemorrhage") is None
    (row,) = rows(engine)
    assert (row.label, row.split, row.patient_group) == ("hemorrhage", before.split, before.patient_group)
    assert labels(engine, file) == ["normal", "hemorrhage"]


def test_an_image_that_is_like_an_imported_image_joins_its_patient(
    engine: Engine, home: Home, folder: Path, tmp_path: Path
) -> None:
    odd = folder / "Hemorrhage" / "odd.png"
    shutil.move(min((folder / "Hemorrhage").iterdir()), odd)
    import_all(engine, home, folder)
    file = add_file(engine, home, odd.read_bytes() + b"another trailer")
    say(engine, home, file, "hemorrhage")
    assert len(rows(engine)) == 8, "the same pixels are there already"
    assert labels(engine, file) == ["hemorrhage"]


def test_a_verdict_that_contradicts_an_import_is_refused_with_what_to_do(
    engine: Engine, home: Home, folder: Path, slice_bytes: bytes
) -> None:
    import_all(engine, home, folder)
    file = add_file(engine, home, slice_bytes)
    with pytest.raises(
        LabelConflict, match=rf"as normal\. .*`headct dataset relabel {file.sha256[:12]} LABEL`"
    ):
        say(engine, home, file, "hemorrhage")
    assert labels(engine, file) == []
    assert say(engine, home, file, "normal") is None
    assert rows(engine)[-1].image_id is None


def test_the_same_pixels_as_another_labelled_image_are_labelled_there(
    sqlite_engine: Engine, home: Home, slice_bytes: bytes
) -> None:
    first = add_file(sqlite_engine, home, slice_bytes)
    second = add_file(sqlite_engine, home, slice_bytes + b"trailer")
    say(sqlite_engine, home, first, "normal")
    with pytest.raises(LabelConflict, match=rf"`headct label {first.sha256[:12]} LABEL`"):
        say(sqlite_engine, home, second, "hemorrhage")


def test_an_image_that_cannot_be_decoded_is_labelled_all_the_same(engine: Engine, home: Home) -> None:
    file = add_file(engine, home, b"no image")
    assert "not a PNG" in str(say(engine, home, file, "normal"))
    assert labels(engine, file) == ["normal"]
    assert rows(engine) == []


def test_an_image_whose_stored_bytes_have_changed_is_labelled_and_not_learnt_from(
    engine: Engine, home: Home, folder: Path, slice_bytes: bytes
) -> None:
    file = add_file(engine, home, slice_bytes)
    (home.store / file.sha256).write_bytes(max((folder / "Normal").iterdir()).read_bytes())
    assert "changed after it arrived" in str(say(engine, home, file, "normal"))
    assert labels(engine, file) == ["normal"]
    assert rows(engine) == []


def test_while_the_store_is_away_nothing_is_recorded(engine: Engine, home: Home, slice_bytes: bytes) -> None:
    file = add_file(engine, home, slice_bytes)
    (home.store / file.sha256).unlink()
    with pytest.raises(StoreUnavailable, match="Mount its disk"):
        say(engine, home, file, "normal")
    assert labels(engine, file) == []


def test_labelling_again_puts_a_file_back_that_is_gone(
    engine: Engine, home: Home, slice_bytes: bytes
) -> None:
    file = add_file(engine, home, slice_bytes)
    say(engine, home, file, "normal")
    (home.dataset / file.sha256).unlink()
    say(engine, home, file, "normal")
    assert (home.dataset / file.sha256).read_bytes() == slice_bytes
