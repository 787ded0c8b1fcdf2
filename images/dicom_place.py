"""Of which study and series a CT slice is, and where in it.

Clauses are those of the DICOM standard: https://dicom.nema.org/medical/dicom/current/output/html/
"""

import math
import re
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from core.place import Place, SeriesFacts
from images.dicom_numbers import numbers_of
from images.dicom_remarks import is_for_bone, with_contrast

if TYPE_CHECKING:
    from pydicom import Dataset

_UID = re.compile(r"[0-9][0-9.]{0,63}")
"""PS3.5, 9.1; written strictly nowhere, so nothing more is asked."""
_DATE, _TIME = re.compile(r"\d{8}"), re.compile(r"(\d{2})(\d{2})?(\d{2})?(\.\d{1,6})?")
"""PS3.5, 6.2: DA and TM, whose later parts may be left out."""
_MOST_IMAGES = 100_000
_LEAST_LENGTH = 0.5
"""Of a normal that is one: of unit vectors at a right angle it is 1."""
_FURTHEST = 1e5
"""Millimetres."""
PLACE_ELEMENTS = (
    *("PatientID", "IssuerOfPatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"),
    *("FrameOfReferenceUID", "InstanceNumber", "SeriesNumber", "AccessionNumber", "StudyDate", "StudyTime"),
    *("ImagePositionPatient", "ImageOrientationPatient", "SliceThickness", "ConvolutionKernel"),
    *("Manufacturer", "ManufacturerModelName", "ContrastBolusAgent"),
    *("NumberOfStudyRelatedInstances", "NumberOfSeriesRelatedInstances"),
)
"""That are looked at."""


def place_of(dataset: "Dataset") -> Place | None:
    """Where it belongs; None where it does not name a study and a series.

    What is no number, date or UID there is left out: it is told, and nothing hangs on it but the order.
    """
    study, series = _uid(dataset, "StudyInstanceUID"), _uid(dataset, "SeriesInstanceUID")
    if study is None or series is None:
        return None
    patient = _text(dataset, "PatientID", 128)
    return Place(
        study_uid=study,
        series_uid=series,
        sop_instance_uid=_uid(dataset, "SOPInstanceUID"),
        instance_number=_whole(dataset, "InstanceNumber", 2**31 - 1),
        position_mm=position_of(dataset),
        accession_number=_text(dataset, "AccessionNumber", 64),
        patient_id=patient and f"{_text(dataset, 'IssuerOfPatientID', 64) or ''}\\{patient}",
        study_time=_moment(dataset),
        images_expected=_whole(dataset, "NumberOfStudyRelatedInstances", _MOST_IMAGES, least=1),
        series=_facts(dataset),
    )


def position_of(dataset: "Dataset") -> float | None:
    """Millimetres along the normal of the slice's plane, which is turned towards the head's top.

    The projection of Image Position on it, as only that orders slices of a tilted gantry (C.7.6.2.1.1).
    """
    with suppress(ValueError):
        corner = numbers_of(dataset, "ImagePositionPatient")
        row_x, row_y, row_z, column_x, column_y, column_z = numbers_of(dataset, "ImageOrientationPatient")
        normal = (
            row_y * column_z - row_z * column_y,
            row_z * column_x - row_x * column_z,
            row_x * column_y - row_y * column_x,
        )
        length = math.copysign(math.hypot(*normal), normal[2])
        if len(corner) == 3 and abs(length) >= _LEAST_LENGTH:
            position = sum(a * b for a, b in zip(corner, normal, strict=True)) / length
            return round(position, 3) if abs(position) < _FURTHEST else None
    return None


def _facts(dataset: "Dataset") -> SeriesFacts:
    maker = " ".join(
        filter(None, (_text(dataset, name, 63) for name in ("Manufacturer", "ManufacturerModelName")))
    )
    return SeriesFacts(
        number=_whole(dataset, "SeriesNumber", 2**31 - 1),
        thickness_mm=_thickness(dataset),
        kernel=_text(dataset, "ConvolutionKernel", 64),
        is_bone=is_for_bone(dataset),
        scanner=maker or None,
        contrast=with_contrast(dataset),
        frame_of_reference_uid=_uid(dataset, "FrameOfReferenceUID"),
        images_expected=_whole(dataset, "NumberOfSeriesRelatedInstances", _MOST_IMAGES, least=1),
    )


def _thickness(dataset: "Dataset") -> float | None:
    with suppress(ValueError):
        (thickness,) = numbers_of(dataset, "SliceThickness")
        return thickness if 0.0 < thickness < _FURTHEST else None
    return None


def _uid(dataset: "Dataset", name: str) -> str | None:
    uid = str(dataset.get(name) or "").strip(" \0")
    return uid if _UID.fullmatch(uid) else None


def _text(dataset: "Dataset", name: str, longest: int) -> str | None:
    text = "".join(one for one in str(dataset.get(name) or "") if one.isprintable())
    return text.strip()[:longest] or None


def _whole(dataset: "Dataset", name: str, most: int, *, least: int = -(2**31)) -> int | None:
    with suppress(ValueError, OverflowError):
        (number,) = numbers_of(dataset, name)
        return int(number) if least <= number <= most and number == int(number) else None
    return None


def _moment(dataset: "Dataset") -> datetime | None:
    day = _DATE.fullmatch(str(dataset.get("StudyDate") or "").strip())
    time = _TIME.fullmatch(str(dataset.get("StudyTime") or "").strip())
    if day is None:
        return None
    hour, minute, second = (part or "00" for part in time.groups()[:3]) if time else ("00",) * 3
    with suppress(ValueError):
        return datetime.strptime(f"{day[0]}{hour}{minute}{second}", "%Y%m%d%H%M%S")  # noqa: DTZ007 - it tells no zone
    return None
