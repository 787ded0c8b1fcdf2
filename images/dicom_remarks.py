"""What of a slice's acquisition a person should know who reads its result: it differs from what was learnt.

Clauses are those of the DICOM standard: https://dicom.nema.org/medical/dicom/current/output/html/
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from typing import TYPE_CHECKING

from images.dicom_numbers import numbers_of

if TYPE_CHECKING:
    from pydicom import Dataset

THINNEST, THICKEST = 0.5, 7.0
"""Millimetres; thinner slices are noisier, thicker ones blur a small bleed."""
_LEAST_TILT = 1.0
"""Degrees."""
_GREATEST = 100.0
"""Millimetres and degrees: what is more is no measurement."""
_ADULT = 18
"""Years; the networks have seen adults alone."""
_BONE = re.compile(r"BONE|EDGE|LUNG|SHARP|ULTRA|\b[BHQ][A-Z]?[6-9]\d|\bFC(3\d|8\d)|\bY[ABC]\b", re.IGNORECASE)
"""Kernels for bone and lung, by the names that GE, Siemens (60 and more), Canon (FC30 to FC39, FC80 to FC89)
and Philips give them in PS3.3, C.8.2.1: no standard lists them."""
_NO_CONTRAST = re.compile(
    r"[\W\d_]*|N|NO|NONE|NIL|NULL|N/?A|UNKNOWN|WITHOUT.*|NO .*|NON.CONTRAST", re.IGNORECASE
)
"""What is written where there was none."""
_AGE = re.compile(r"(\d{3})([DWMY])")
_YEARS = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}
"""Units of an age string (PS3.5, 6.2)."""
_USUAL_POSITION = "HFS"
"""Head first, supine (PS3.3, C.7.3.1.1.2)."""
ELEMENTS = (
    *("ContrastBolusAgent", "ConvolutionKernel", "SliceThickness", "GantryDetectorTilt", "PatientAge"),
    *("PatientBirthDate", "StudyDate", "PatientPosition"),
)
"""That are looked at."""


def remarks_of(dataset: "Dataset") -> Iterator[str]:
    """A sentence on each thing that is unusual, as far as the file says."""
    if with_contrast(dataset):
        yield "The slice was taken with contrast, which can look like blood."
    if is_for_bone(dataset):
        yield "The slice was reconstructed for bone, which makes brain noisy."
    thickness = _number(dataset, "SliceThickness")
    if thickness and not THINNEST <= thickness <= THICKEST:
        yield f"The slice is {thickness:g} mm thick, not {THINNEST:g} to {THICKEST:g}."
    tilt = _number(dataset, "GantryDetectorTilt")
    if tilt is not None and abs(tilt) >= _LEAST_TILT:
        yield f"The gantry was tilted by {abs(tilt):g} degrees."
    age = _age_of(dataset)
    if age is not None and age < _ADULT:
        yield "The patient is a child. The model knows adults alone."
    position = str(dataset.get("PatientPosition") or "").strip()
    if re.fullmatch("[A-Z]{3,4}", position) and position != _USUAL_POSITION:
        yield f"The patient did not lie on the back, head first ({position})."


def with_contrast(dataset: "Dataset") -> bool:
    """Whether the file says that contrast was given."""
    return not _NO_CONTRAST.fullmatch(str(dataset.get("ContrastBolusAgent") or "").strip())


def is_for_bone(dataset: "Dataset") -> bool:
    """Whether the kernel of its reconstruction is one for bone or lung."""
    return bool(_BONE.search(str(dataset.get("ConvolutionKernel") or "")))


def _number(dataset: "Dataset", name: str) -> float | None:
    with suppress(ValueError):
        (number,) = numbers_of(dataset, name)
        return number if abs(number) <= _GREATEST else None
    return None


def _age_of(dataset: "Dataset") -> float | None:
    """Years; of the age as it was written, or of the dates of birth and study."""
    written = _AGE.fullmatch(str(dataset.get("PatientAge") or "").strip())
    if written and int(written[1]):  # 000Y stands for an age that was taken out
        return int(written[1]) * _YEARS[written[2]]
    born, seen = _date(dataset, "PatientBirthDate"), _date(dataset, "StudyDate")
    return (seen - born).days / 365.25 if born and seen and born <= seen else None


def _date(dataset: "Dataset", name: str) -> date | None:
    with suppress(ValueError):
        return datetime.strptime(str(dataset.get(name) or ""), "%Y%m%d").date()  # noqa: DTZ007 - a day alone
    return None
