"""The plane that a CT slice lies in, and how it is turned to the view that radiologists expect.

Clauses are those of the DICOM standard: https://dicom.nema.org/medical/dicom/current/output/html/
"""

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.errors import NotACtSlice
from core.reasons import ReasonCode
from images.dicom_numbers import numbers_of
from images.shown import MOST_OBLONG, in_square_pixels

if TYPE_CHECKING:
    from pydicom import Dataset

GREATEST_TILT = 35.0
"""Degrees between the slice and the patient's axial plane. A gantry tilts by up to 30, and slices along the
orbitomeatal line or of a head that lies bent are tilted by 10 to 25; beyond, more and more of a slice is what
coronal and sagittal ones show."""
_Pixels = TypeVar("_Pixels", NDArray[np.uint8], NDArray[np.int16])
_LETTERS = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "H": (0, 0, 1), "F": (0, 0, -1)}
"""Directions in the patient (PS3.3, C.7.6.2.1.1 and C.7.6.1.1.1)."""
_REFORMATTED = {"REFORMATTED", "MPR", "CORONAL", "SAGITTAL", "OBLIQUE"}
"""Words of a value of the image type (PS3.3, C.8.2.1.1.1 and what vendors write)."""

_SLACK = 0.1
"""Of the length and the right angle of two directions, which are written with few digits."""


class Directions(NamedTuple):
    """Unit vectors along a row and a column; x leads to the patient's left, y to the back, z to the head."""

    row_x: float
    row_y: float
    row_z: float
    column_x: float
    column_y: float
    column_z: float


def plane_of(dataset: "Dataset") -> Directions | None:
    """The directions of the rows and columns, where the file says them and the slice is axial.

    They are those of Image Orientation (Patient), or, where it is absent, of the letters of Patient
    Orientation.

    Raises
    ------
    NotACtSlice
        Coronal, sagittal or too oblique; or a reformatted slice that does not say its plane.
    ValueError
        What stands there is no direction.
    """
    directions = _by_numbers(dataset)
    if directions is None:
        directions = _by_letters(dataset)
    if directions is None:
        if _REFORMATTED.intersection(re.findall("[A-Z]+", str(dataset.get("ImageType")).upper())):
            raise NotACtSlice(
                ReasonCode.NOT_AXIAL,
                "The DICOM file is a reformatted slice that does not say its plane. "
                "Submit the original axial slices.",
            )
        return None
    across = abs(directions.row_x * directions.column_y - directions.row_y * directions.column_x)
    tilt = math.degrees(math.acos(min(1.0, across)))
    if tilt > GREATEST_TILT:
        raise NotACtSlice(
            ReasonCode.NOT_AXIAL,
            f"The slice is not axial: its plane is tilted by {tilt:.0f} degrees, as "
            "in coronal, sagittal and oblique reformats. Submit the axial slices of the series.",
        )
    return directions


def in_standard_view(grey: _Pixels, plane: Directions | None) -> _Pixels:
    """Turn and mirror an axial slice so that its rows lead to the patient's left, its columns to the back."""
    if plane is None:
        return grey
    left, back = plane.row_x, plane.column_y
    if _is_on_its_side(plane):
        grey, left, back = grey.swapaxes(0, 1), plane.column_x, plane.row_y
    if left < 0:
        grey = grey[:, ::-1]
    if back < 0:
        grey = grey[::-1]
    return np.ascontiguousarray(grey)


def in_true_proportions(
    grey: _Pixels, dataset: "Dataset", plane: Directions | None, max_pixels: int
) -> _Pixels:
    """Make the pixels square where Pixel Spacing or Pixel Aspect Ratio says that they are not (C.7.6.3.1.7).

    Parameters
    ----------
    grey
        In the standard view.
    plane
        As the file has it.
    """
    spacing = numbers_of(dataset, "PixelSpacing") or numbers_of(dataset, "PixelAspectRatio")
    if len(spacing) != 2:
        return grey
    height, width = spacing[::-1] if _is_on_its_side(plane) else spacing
    return in_square_pixels(grey, width, height, max_pixels)


def pixel_side_of(dataset: "Dataset") -> float | None:
    """The side in mm of a pixel once it is square, where Pixel Spacing says it."""
    spacing = numbers_of(dataset, "PixelSpacing")
    if len(spacing) != 2 or not 0 < min(spacing) <= max(spacing) < MOST_OBLONG * min(spacing):
        return None
    return min(spacing)


def _is_on_its_side(plane: Directions | None) -> bool:
    """Whether the rows lead to back or front."""
    return plane is not None and abs(plane.row_x) < abs(plane.row_y)


def _by_numbers(dataset: "Dataset") -> Directions | None:
    numbers = numbers_of(dataset, "ImageOrientationPatient")
    if not any(numbers):  # zeros are what some software writes for "unknown"
        return None
    if len(numbers) != 6:
        raise ValueError("the orientation has not six numbers")
    row, column = numbers[:3], numbers[3:]
    lengths = math.hypot(*row), math.hypot(*column)
    if max(abs(length - 1.0) for length in lengths) > _SLACK or abs(_scalar(row, column)) > _SLACK:
        raise ValueError("the orientation is no pair of directions")
    return Directions(*row, *column)


def _by_letters(dataset: "Dataset") -> Directions | None:
    letters = dataset.get("PatientOrientation")
    if not letters or isinstance(letters, str):  # one value, where there must be two
        return None
    mainly = [_LETTERS.get(str(letter).strip().upper()[:1]) for letter in letters]
    if len(mainly) != 2 or None in mainly:
        return None
    row, column = mainly
    return Directions(*row, *column)  # type: ignore[misc]  # None is among `mainly` no more


def _scalar(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(left * right for left, right in zip(one, other, strict=True))
