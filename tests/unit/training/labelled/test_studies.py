"""A folder of studies: which slices are of which, and what is said where the table does not fit."""

from pathlib import Path

import pytest
from PIL import Image

from core.errors import DatasetError
from core.image_files import Limits
from tests.dicom_files import as_bytes, ct_slice, hounsfield_that_shows
from tests.labelled import write_table
from training.labelled.folder import list_folder
from training.labelled.studies import read_studies
from training.phantoms.synthetic import generate_image

ALONG = [1, 0, 0, 0, 1, 0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A DICOM study of three slices, a scout and a second series; a study of two PNG; a picture of none."""
    grey = generate_image(1, None).image
    hounsfield = hounsfield_that_shows(grey)
    (tmp_path / "head 2").mkdir()
    for number in range(3):
        place = {"ImagePositionPatient": [0, 0, 9.0 - number], "ImageOrientationPatient": ALONG}
        (tmp_path / f"{number}.dcm").write_bytes(as_bytes(ct_slice(hounsfield, **place)))
    (tmp_path / "scout.dcm").write_bytes(
        as_bytes(ct_slice(hounsfield, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]))
    )
    (tmp_path / "thick.dcm").write_bytes(as_bytes(ct_slice(hounsfield, SeriesInstanceUID="1.2.3.5")))
    for name in ("head 2/1.png", "head 2/2.png", "other.png"):
        Image.fromarray(grey).save(tmp_path / name)
    return tmp_path


def test_a_study_is_named_by_its_uid_or_its_folder(folder: Path) -> None:
    found = read_studies(write_table(folder, ["1.2.3,hemorrhage", "head 2,normal"], "study,label"), Limits())
    assert found.labels == {"1.2.3": "hemorrhage", "head 2": "normal"}
    assert sorted((record.path.name, record.study, record.position) for record in found.records) == [
        ("0.dcm", "1.2.3", 9.0),
        ("1.dcm", "1.2.3", 8.0),
        ("1.png", "head 2", None),
        ("2.dcm", "1.2.3", 7.0),
        ("2.png", "head 2", None),
    ]
    assert found.left_out == 2, "the scout and a picture of no study"


@pytest.mark.parametrize(
    ("lines", "header", "why"),
    [
        (["9.9,normal"], "study,label", r"line 2, 9\.9: no such study"),
        (["1.2.3,normal", "1.2.3,hemorrhage"], "study,label", r"both labels.*\n.*line 2, 1\.2\.3: normal"),
        (["1.2.3,1"], "study,label", "has the labels 1"),
        (["1.2.3,normal"], "file,label", "lacks the column study. It needs study"),
        (["1.2.3,normal"], "study,verdict", "lacks the column label"),
        ([], "study,label", "lists no study"),
    ],
)
def test_what_does_not_fit_is_told(folder: Path, lines: list[str], header: str, why: str) -> None:
    with pytest.raises(DatasetError, match=why):
        read_studies(write_table(folder, lines, header), Limits())


def test_a_folder_without_a_table_is_told_to_need_one(folder: Path) -> None:
    with pytest.raises(DatasetError, match="Write one with the columns study and label"):
        read_studies(folder, Limits())


def test_who_imports_a_table_of_studies_is_told_what_it_is_for(folder: Path) -> None:
    with pytest.raises(DatasetError, match="headct evaluate --studies"):
        list_folder(write_table(folder, ["1.2.3,normal"], "study,label"))
