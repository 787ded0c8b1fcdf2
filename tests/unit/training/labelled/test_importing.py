"""Importing folders: what joins the training data, and what is refused as a whole."""

import hashlib
import shutil
import threading
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import DatasetError, LabelConflict
from core.home import Home
from core.image_files import Limits
from db.engine import now, read_session
from db.labelled_images import labelled_images, relabel_imported
from db.states import FileState, Split
from db.tables import File, LabelledImage, Reading
from db.tables import Image as FileImage
from tests.conftest import DATA
from tests.dicom_files import as_bytes, ct_slice, hounsfield_that_shows
from tests.labelled import class_folders, images_by_label, kept_files, write_table
from tests.transactions import at
from training.dataset import load_dataset
from training.labelled.examining import examine_all
from training.labelled.folder import list_folder
from training.labelled.images import known_images
from training.labelled.importing import Imported, import_images
from training.phantoms.synthetic import generate_image


def imported(engine: Engine, home: Home, folder: Path) -> Imported:
    images, _ = examine_all(list_folder(folder).listed, Limits())
    return import_images(engine, home, images, folder, Limits())


def rows(engine: Engine) -> list[LabelledImage]:
    with read_session(engine) as session:
        return list(labelled_images(session))


@pytest.fixture
def folder(tmp_path: Path, synthetic_images: Path) -> Path:
    return class_folders(synthetic_images, tmp_path / "set", 6)


def test_an_import_can_be_trained_on(engine: Engine, home: Home, folder: Path) -> None:
    assert imported(engine, home, folder) == Imported(12, 0, ())
    dataset = load_dataset(engine, home)
    assert [record.label for record in dataset.records].count("normal") == 6
    for record in dataset.records:
        assert hashlib.sha256(record.path.read_bytes()).hexdigest() == record.path.name
    assert {row.source_name.split("/")[0] for row in rows(engine)} == {"set"}


def test_of_dicom_the_patient_the_study_and_the_place_in_it_are_kept(
    engine: Engine, home: Home, tmp_path: Path
) -> None:
    for number, label in enumerate(("Normal", "Hemorrhage", "Normal")):
        picture = hounsfield_that_shows(generate_image(number, None).image)
        place = {"ImagePositionPatient": [0, 0, 5.0 * number], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
        (tmp_path / "set" / label).mkdir(parents=True, exist_ok=True)
        path = tmp_path / "set" / label / f"{number}.dcm"
        path.write_bytes(as_bytes(ct_slice(picture, StudyInstanceUID="1.2.840.1", **place)))
    imported(engine, home, tmp_path / "set")
    found = rows(engine)
    assert {row.study for row in found} == {"1.2.840.1"}
    assert sorted(row.position or 0.0 for row in found) == [0.0, 5.0, 10.0]
    assert len({row.patient_group for row in found}) == 1


def test_importing_again_changes_nothing(engine: Engine, home: Home, folder: Path) -> None:
    imported(engine, home, folder)
    before = [(row.id, row.split, row.patient_group) for row in rows(engine)]
    assert imported(engine, home, folder) == Imported(0, 12, ())
    assert [(row.id, row.split, row.patient_group) for row in rows(engine)] == before


def test_importing_again_brings_back_a_file_that_is_gone(
    sqlite_engine: Engine, home: Home, folder: Path
) -> None:
    imported(sqlite_engine, home, folder)
    (home.dataset / kept_files(home)[0]).unlink()
    imported(sqlite_engine, home, folder)
    assert len(load_dataset(sqlite_engine, home).records) == 12


def test_a_home_from_before_gets_its_folder(sqlite_engine: Engine, home: Home, folder: Path) -> None:
    home.dataset.rmdir()
    assert imported(sqlite_engine, home, folder).added == 12


def test_what_cannot_be_read_stops_nothing_else(sqlite_engine: Engine, home: Home, folder: Path) -> None:
    (folder / "Normal" / "broken.png").write_bytes(b"\x89PNG")
    Image.new("L", (200, 200), 90).save(folder / "Normal" / "no-head.png")
    images, unreadable = examine_all(list_folder(folder).listed, Limits())
    assert {path.name for path, _ in unreadable} == {"broken.png", "no-head.png"}
    assert import_images(sqlite_engine, home, images, folder, Limits()).added == 12


def test_no_image_at_all_is_refused(sqlite_engine: Engine, home: Home, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no image that can be trained on"):
        import_images(sqlite_engine, home, [], tmp_path, Limits())


def test_a_label_that_contradicts_an_earlier_import_is_refused_as_a_whole(
    engine: Engine, home: Home, folder: Path, tmp_path: Path, synthetic_images: Path
) -> None:
    imported(engine, home, folder)
    swapped = class_folders(synthetic_images, tmp_path / "swapped", 8, ("Hemorrhage", "Normal"))
    with pytest.raises(LabelConflict, match=r"12 labels (.|\n)*`headct dataset relabel [0-9a-f]{12} LABEL`"):
        imported(engine, home, swapped)
    assert len(rows(engine)) == len(kept_files(home)) == 12


def test_a_corrected_label_is_taken(engine: Engine, home: Home, folder: Path, tmp_path: Path) -> None:
    imported(engine, home, folder)
    first = rows(engine)[0]
    other = {"normal": "hemorrhage", "hemorrhage": "normal"}[first.label]
    with Session(engine) as session, session.begin():
        relabel_imported(session, first.sha256[:12], other)
    moved = tmp_path / "corrected" / other
    moved.mkdir(parents=True)
    shutil.copy(home.dataset / first.sha256, moved / "a.png")
    assert imported(engine, home, tmp_path / "corrected") == Imported(0, 1, ())
    assert rows(engine)[0].split == first.split


@pytest.mark.parametrize("reference", ["abc", "0" * 12])
def test_an_image_to_correct_must_be_named_clearly(engine: Engine, reference: str) -> None:
    with Session(engine) as session, pytest.raises(DatasetError, match=r"No labelled image .* at least"):
        relabel_imported(session, reference, "normal")


def test_a_label_that_contradicts_a_reader_is_refused(engine: Engine, home: Home, folder: Path) -> None:
    data = min((folder / "Normal").iterdir()).read_bytes()
    with Session(engine) as session, session.begin():
        sha256 = hashlib.sha256(data).hexdigest()
        state = FileState.RECEIVED
        session.add(File(id=7, sha256=sha256, size_bytes=1, state=state, attempts=0, received_at=now()))
        session.flush()
        session.add(FileImage(id=9, file_id=7, frame=0))
        session.flush()
        session.add(Reading(image_id=9, label="hemorrhage", reader="Dr A", read_at=now()))
    advice = f"`headct label {sha256[:12]} LABEL`"
    with pytest.raises(LabelConflict, match=f"Dr A's label of it: hemorrhage; {advice}"):
        imported(engine, home, folder)
    assert rows(engine) == []


def test_the_same_pixels_under_two_labels_are_refused(
    sqlite_engine: Engine, home: Home, folder: Path
) -> None:
    one = min((folder / "Normal").iterdir())
    Image.open(one).save(folder / "Hemorrhage" / "same.png", compress_level=0)
    with pytest.raises(LabelConflict, match=r"1 labels (.|\n)*with the same pixels"):
        imported(sqlite_engine, home, folder)
    assert rows(sqlite_engine) == []
    assert kept_files(home) == []


def test_the_same_pixels_under_one_label_are_one_image(
    sqlite_engine: Engine, home: Home, folder: Path
) -> None:
    one = min((folder / "Normal").iterdir())
    Image.open(one).save(folder / "Normal" / "same.png", compress_level=0)
    assert imported(sqlite_engine, home, folder) == Imported(12, 1, ())


def test_a_patient_with_both_labels_is_one_group(
    sqlite_engine: Engine, home: Home, tmp_path: Path, synthetic_images: Path
) -> None:
    folder = class_folders(synthetic_images, tmp_path / "set", 1)
    write_table(
        folder, [f"{path.relative_to(folder)},{path.parent.name},P1" for path in folder.rglob("*.png")]
    )
    imported(sqlite_engine, home, folder)
    assert {(row.patient_group, row.split) for row in rows(sqlite_engine)} == {("P1", Split.TRAIN)}


def test_the_same_slice_in_another_export_joins_its_part(
    engine: Engine, home: Home, folder: Path, tmp_path: Path
) -> None:
    imported(engine, home, folder)
    (tmp_path / "again" / "normal").mkdir(parents=True)
    (tmp_path / "again" / "hemorrhage").mkdir()
    before = {row.sha256: row for row in rows(engine)}
    for row in before.values():
        with Image.open(home.dataset / row.sha256) as image:
            flipped = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            flipped.save(tmp_path / "again" / row.label / f"{row.sha256}.png")
    assert imported(engine, home, tmp_path / "again").added == 12
    for row in rows(engine)[12:]:
        original = before[Path(row.source_name).stem]
        assert (row.patient_group, row.split) == (original.patient_group, original.split)


def test_a_dicom_file_names_its_patient(sqlite_engine: Engine, home: Home, tmp_path: Path) -> None:
    series = DATA / "dicom" / "ge_head"
    if not series.is_dir():
        pytest.skip("the DICOM series is not on this machine")
    (tmp_path / "set" / "Normal").mkdir(parents=True)
    for path in sorted(series.glob("*.dcm"))[10:18:2]:
        shutil.copy(path, tmp_path / "set" / "Normal")
    assert imported(sqlite_engine, home, tmp_path / "set").added >= 3
    assert len({row.patient_group for row in rows(sqlite_engine)}) == 1


def test_a_file_that_changes_meanwhile_is_refused(sqlite_engine: Engine, home: Home, folder: Path) -> None:
    images, _ = examine_all(list_folder(folder).listed, Limits())
    images[3].path.write_bytes(b"other")
    with pytest.raises(DatasetError, match="changed meanwhile"):
        import_images(sqlite_engine, home, images, folder, Limits())
    assert rows(sqlite_engine) == []


def large_and_alike(folder: Path) -> tuple[Path, Path]:
    """Two folders with the same slice: as 4,500 x 4,500 pixels, and as it is drawn."""
    drawn = Image.fromarray(generate_image(5, None).image)
    for name, image in (("large", drawn.resize((4500, 4500))), ("small", drawn)):
        (folder / name / "Normal").mkdir(parents=True)
        image.save(folder / name / "Normal" / "a.png", compress_level=1)
    return folder / "large", folder / "small"


def test_an_image_over_the_usual_limit_is_compared_with_new_ones(
    sqlite_engine: Engine, home: Home, tmp_path: Path
) -> None:
    raised = Limits(max_pixels=4500**2)
    for folder in large_and_alike(tmp_path):
        images, refused = examine_all(list_folder(folder).listed, raised)
        assert not refused
        import_images(sqlite_engine, home, images, folder, raised)
        shutil.rmtree(home.dataset / "signatures-2")  # as in a home that never compared
    assert len({row.patient_group for row in rows(sqlite_engine)}) == 1


def test_an_image_that_cannot_be_compared_any_more_is_told(
    sqlite_engine: Engine, home: Home, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    large, _ = large_and_alike(tmp_path)
    images, _ = examine_all(list_folder(large).listed, Limits(max_pixels=4500**2))
    import_images(sqlite_engine, home, images, large, Limits(max_pixels=4500**2))
    known = rows(sqlite_engine)
    assert known_images(home, known, Limits())[0].signature is not None, "kept when it was imported"
    shutil.rmtree(home.dataset / "signatures-2")
    assert known_images(home, known, Limits())[0].signature is None
    assert f"{images[0].sha256[:12]} of the training data is compared with no new image" in caplog.text
    assert "HEADCT_MAX_PIXELS" in caplog.text


def test_two_imports_at_once_split_no_patient(
    engine: Engine,
    home: Home,
    tmp_path: Path,
    synthetic_images: Path,
) -> None:
    files = images_by_label(synthetic_images)["normal"][:8]
    for number, file in enumerate(files):
        folder = tmp_path / f"import{number % 2}"
        write_table(folder, [])
        shutil.copy(file, folder / file.name)
    for number in range(2):
        folder = tmp_path / f"import{number}"
        names = sorted(path.name for path in folder.glob("*.png"))
        write_table(folder, [f"{name},normal,P{place}" for place, name in enumerate(names)])
    both_have_read, waited = threading.Barrier(2), threading.local()

    def wait_once() -> None:
        if not getattr(waited, "done", False):
            waited.done = True
            both_have_read.wait(30)

    threads = [
        threading.Thread(target=imported, args=(engine, home, tmp_path / f"import{number}"))
        for number in range(2)
    ]
    with at(engine, "after_cursor_execute", wait_once):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = rows(engine)
    assert len(found) == 8
    assert len({(row.patient_group, row.split) for row in found}) == 4
