"""A reader's verdict is recorded, and the scan joins the training data."""

import hashlib
import shutil
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import LabelConflict, StoreUnavailable
from core.home import Home
from core.image_files import Limits
from db.engine import now, reading
from db.labelled_images import labelled_images
from db.readings import readings_of
from db.states import ScanState
from db.tables import LabelledImage, Scan
from tests.labelled import class_folders
from training.labelled.examining import examine_all
from training.labelled.folder import list_folder
from training.labelled.importing import import_images
from training.labelled.labelling import Verdict, label_scan


def add_scan(engine: Engine, home: Home, data: bytes) -> Scan:
    sha256 = hashlib.sha256(data).hexdigest()
    (home.store / sha256).write_bytes(data)
    with Session(engine, expire_on_commit=False) as session, session.begin():
        scan = Scan(sha256=sha256, size_bytes=1, state=ScanState.CLASSIFIED, attempts=0, received_at=now())
        session.add(scan)
    return scan


def say(engine: Engine, home: Home, scan: Scan, label: str) -> str | None:
    return label_scan(engine, home, Limits(), scan.sha256, "a.png", Verdict(scan.id, label, "Dr A", "sure"))


def rows(engine: Engine) -> list[LabelledImage]:
    with reading(engine) as session:
        return list(labelled_images(session))


def labels(engine: Engine, scan: Scan) -> list[str]:
    with reading(engine) as session:
        return [one.label for one in readings_of(session, scan.id)]


@pytest.fixture
def folder(tmp_path: Path, synthetic_scans: Path) -> Path:
    return class_folders(synthetic_scans, tmp_path / "set", 4)


@pytest.fixture
def slice_bytes(folder: Path) -> bytes:
    return min((folder / "Normal").iterdir()).read_bytes()


def import_all(engine: Engine, home: Home, folder: Path) -> None:
    images, _ = examine_all(list_folder(folder).listed, Limits())
    import_images(engine, home, images, folder, Limits())


def test_a_labelled_scan_joins_the_training_data(engine: Engine, home: Home, slice_bytes: bytes) -> None:
    scan = add_scan(engine, home, slice_bytes)
    assert say(engine, home, scan, "normal") is None
    (row,) = rows(engine)
    assert (row.sha256, row.label, row.scan_id, row.source_name) == (scan.sha256, "normal", scan.id, "a.png")
    assert (home.dataset / scan.sha256).samefile(home.store / scan.sha256), "linked, not copied"


def test_a_changed_mind_changes_the_label_and_not_the_part(
    engine: Engine, home: Home, slice_bytes: bytes
) -> None:
    scan = add_scan(engine, home, slice_bytes)
    say(engine, home, scan, "normal")
    before = rows(engine)[0]
    assert say(engine, home, scan, "hemorrhage") is None
    (row,) = rows(engine)
    assert (row.label, row.part, row.patient_group) == ("hemorrhage", before.part, before.patient_group)
    assert labels(engine, scan) == ["normal", "hemorrhage"]


def test_a_scan_that_is_like_an_imported_image_joins_its_patient(
    engine: Engine, home: Home, folder: Path, tmp_path: Path
) -> None:
    odd = folder / "Hemorrhage" / "odd.png"
    shutil.move(min((folder / "Hemorrhage").iterdir()), odd)
    import_all(engine, home, folder)
    scan = add_scan(engine, home, odd.read_bytes() + b"another trailer")
    say(engine, home, scan, "hemorrhage")
    assert len(rows(engine)) == 8, "the same pixels are there already"
    assert labels(engine, scan) == ["hemorrhage"]


def test_a_verdict_that_contradicts_an_import_is_refused_with_what_to_do(
    engine: Engine, home: Home, folder: Path, slice_bytes: bytes
) -> None:
    import_all(engine, home, folder)
    scan = add_scan(engine, home, slice_bytes)
    with pytest.raises(
        LabelConflict, match=rf"as normal\. .*`headct dataset relabel {scan.sha256[:12]} LABEL`"
    ):
        say(engine, home, scan, "hemorrhage")
    assert labels(engine, scan) == []
    assert say(engine, home, scan, "normal") is None
    assert rows(engine)[-1].scan_id is None


def test_the_same_pixels_as_another_labelled_scan_are_labelled_there(
    sqlite_engine: Engine, home: Home, slice_bytes: bytes
) -> None:
    first = add_scan(sqlite_engine, home, slice_bytes)
    second = add_scan(sqlite_engine, home, slice_bytes + b"trailer")
    say(sqlite_engine, home, first, "normal")
    with pytest.raises(LabelConflict, match=rf"`headct label {first.id} LABEL`"):
        say(sqlite_engine, home, second, "hemorrhage")


def test_a_scan_that_cannot_be_decoded_is_labelled_all_the_same(engine: Engine, home: Home) -> None:
    scan = add_scan(engine, home, b"no image")
    assert "not a PNG" in str(say(engine, home, scan, "normal"))
    assert labels(engine, scan) == ["normal"]
    assert rows(engine) == []


def test_a_scan_whose_stored_bytes_have_changed_is_labelled_and_not_learnt_from(
    engine: Engine, home: Home, folder: Path, slice_bytes: bytes
) -> None:
    scan = add_scan(engine, home, slice_bytes)
    (home.store / scan.sha256).write_bytes(max((folder / "Normal").iterdir()).read_bytes())
    assert "changed after it arrived" in str(say(engine, home, scan, "normal"))
    assert labels(engine, scan) == ["normal"]
    assert rows(engine) == []


def test_while_the_store_is_away_nothing_is_recorded(engine: Engine, home: Home, slice_bytes: bytes) -> None:
    scan = add_scan(engine, home, slice_bytes)
    (home.store / scan.sha256).unlink()
    with pytest.raises(StoreUnavailable, match="Mount its disk"):
        say(engine, home, scan, "normal")
    assert labels(engine, scan) == []


def test_labelling_again_puts_a_file_back_that_is_gone(
    engine: Engine, home: Home, slice_bytes: bytes
) -> None:
    scan = add_scan(engine, home, slice_bytes)
    say(engine, home, scan, "normal")
    (home.dataset / scan.sha256).unlink()
    say(engine, home, scan, "normal")
    assert (home.dataset / scan.sha256).read_bytes() == slice_bytes
