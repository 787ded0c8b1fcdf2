"""Where a slice says that it belongs."""

from datetime import datetime

import numpy as np
import pytest

from core.place import Place, SeriesFacts
from images.decoding import decode
from images.noted import Noted
from tests.conftest import DATA
from tests.dicom_files import as_bytes, ct_slice

SERIES = DATA / "dicom" / "ge_head"
AXIAL = [1, 0, 0, 0, 1, 0]


def place(**elements: object) -> Place:
    found = noted(**elements).place
    assert found is not None
    return found


def noted(**elements: object) -> Noted:
    noted = Noted()
    decode(as_bytes(ct_slice(**elements)), noted=noted)
    return noted


def test_all_that_a_file_says_of_its_study_and_series_is_told() -> None:
    found = place(
        SOPInstanceUID="1.2.3.99",
        InstanceNumber=7,
        AccessionNumber="A-1",
        IssuerOfPatientID="H",
        StudyDate="20260102",
        StudyTime="0304",
        NumberOfStudyRelatedInstances=30,
        NumberOfSeriesRelatedInstances=28,
        SeriesNumber=2,
        SliceThickness="4.5",
        ConvolutionKernel="H60s",
        Manufacturer="GE",
        ManufacturerModelName="Dual",
        ContrastBolusAgent="IV",
        FrameOfReferenceUID="1.9",
        ImageOrientationPatient=AXIAL,
        ImagePositionPatient=[1, 2, 3.5],
    )
    facts = SeriesFacts(2, 4.5, "H60s", is_bone=True, scanner="GE Dual", contrast=True)
    assert found == Place(
        study_uid="1.2.3",
        series_uid="1.2.3.4",
        sop_instance_uid="1.2.3.99",
        instance_number=7,
        position_mm=3.5,
        accession_number="A-1",
        patient_id="H\\Q17",
        study_time=datetime(2026, 1, 2, 3, 4),  # noqa: DTZ001 - a scanner tells no zone
        images_expected=30,
        series=SeriesFacts(**{**vars(facts), "frame_of_reference_uid": "1.9", "images_expected": 28}),
    )
    assert "Q17" not in repr(found)
    assert "A-1" not in repr(found)


def test_what_is_no_number_date_or_uid_is_left_out() -> None:
    found = place(
        PatientID=None,
        AccessionNumber="\x01",
        StudyDate="20261301",
        ImageOrientationPatient=AXIAL,
        ImagePositionPatient=[1, 2],
    )
    assert (found.patient_id, found.accession_number, found.study_time) == (None, None, None)
    assert (found.position_mm, found.series) == (None, SeriesFacts())


@pytest.mark.parametrize("uid", [None, "", "Doe^John", "1" * 65])
@pytest.mark.parametrize("name", ["StudyInstanceUID", "SeriesInstanceUID"])
def test_without_study_or_series_it_belongs_nowhere(name: str, uid: str | None) -> None:
    said = noted(**{name: uid})
    assert (said.place, said.is_ct) == (None, True)
    assert said.warnings == [
        "The file names no valid study and series: only a named folder puts it into a study."
    ]


@pytest.mark.parametrize(("modality", "is_ct"), [(None, False), ("", False), ("CT", True)])
def test_only_the_tag_says_that_it_is_ct(modality: str | None, *, is_ct: bool) -> None:
    assert noted(Modality=modality).is_ct == is_ct


@pytest.mark.parametrize("tilt", [-20.0, 0.0, 18.5])
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_position_is_along_the_normal_towards_the_top_of_the_head(tilt: float, *, mirrored: bool) -> None:
    angle = np.radians(tilt)
    row, column = np.array([1.0, 0, 0]), np.array([0, np.cos(angle), -np.sin(angle)])
    normal = np.cross(row, column)
    if mirrored:  # rows lead to the right: the plane's normal points to the feet
        row = -row
    positions = [
        place(
            ImageOrientationPatient=[*map(float, row), *map(float, column)],
            ImagePositionPatient=[round(float(value), 4) for value in corner],
        ).position_mm
        for corner in (np.array([-125.0, -123.5, 10.0]) + normal * step for step in (0.0, 4.0, 8.0))
    ]
    steps = np.diff(np.array(positions, dtype=np.float64))
    np.testing.assert_allclose(steps, 4.0, atol=0.005)


@pytest.mark.skipif(not SERIES.exists(), reason="no real series is here")
def test_a_real_series_is_in_the_order_of_its_instances() -> None:
    places = []
    for path in sorted(SERIES.glob("*.dcm")):
        said = Noted()
        decode(path.read_bytes(), noted=said)
        assert said.place is not None
        places.append(said.place)
    assert len(places) == 28
    assert len({found.series_uid for found in places}) == 1
    by_position = sorted(places, key=lambda found: found.position_mm or 0.0)
    numbers = [found.instance_number for found in by_position]
    assert numbers == sorted(numbers, key=lambda number: number or 0)
