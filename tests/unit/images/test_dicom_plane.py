"""Only axial slices are read, in the view that radiologists expect and in their true proportions."""

import numpy as np
import pytest

from core.errors import NotACtSlice, RejectedImage, UnreadableImage
from core.reasons import ReasonCode
from images.decoding import decode
from tests.dicom_files import as_bytes, ct_slice

# Every pixel tells where it is; all within the window.
MARKED = (np.arange(72)[:, None] // 2 + np.arange(80)[None] // 2 % 40).astype(np.int16)
SHOWN = decode(as_bytes(ct_slice(MARKED)))


def tilted(degrees: float, row: tuple[float, float, float] = (1, 0, 0)) -> list[float]:
    """Rows as given, columns turned from the patient's back towards the feet."""
    angle = np.radians(degrees)
    return [*row, 0.0, round(float(np.cos(angle)), 6), round(-float(np.sin(angle)), 6)]


def code_of(**elements: object) -> ReasonCode:
    with pytest.raises(RejectedImage) as refused:
        decode(as_bytes(ct_slice(MARKED, **elements)))
    return refused.value.reason.code


@pytest.mark.parametrize("degrees", [0, 18.5, -25, 30, -34])
def test_a_tilted_gantry_is_axial(degrees: float) -> None:
    data = as_bytes(ct_slice(MARKED, ImageOrientationPatient=tilted(degrees)))
    np.testing.assert_array_equal(decode(data), SHOWN)


@pytest.mark.parametrize(
    "plane",
    [
        [1, 0, 0, 0, 0, -1],
        [0, 1, 0, 0, 0, -1],
        [-1, 0, 0, 0, 0, 1],
        [0, -1, 0, 0, 0, -1],
        tilted(36),
        tilted(-45),
        tilted(80),
        [0.7071, 0.7071, 0, 0, 0, -1],
        [0.7660, 0, 0.6428, 0, 1, 0],
    ],
)
def test_coronal_sagittal_and_oblique_slices_are_refused(plane: list[float]) -> None:
    with pytest.raises(NotACtSlice, match=r"not axial: .* degrees.*Submit the axial slices"):
        decode(as_bytes(ct_slice(MARKED, ImageOrientationPatient=plane)))
    assert code_of(ImageOrientationPatient=plane) == ReasonCode.NOT_AXIAL


@pytest.mark.parametrize("letters", [["L", "F"], ["P", "F"], ["A", "H"], ["LA", "FP"], ["H", "P"]])
def test_letters_that_are_not_axial_are_refused_where_there_are_no_numbers(letters: list[str]) -> None:
    assert code_of(PatientOrientation=letters) == ReasonCode.NOT_AXIAL


@pytest.mark.parametrize("letters", ["LF", "", ["L"], ["L", ""], ["X", "F"]])
def test_letters_that_are_no_directions_say_nothing(letters: list[str] | str) -> None:
    np.testing.assert_array_equal(decode(as_bytes(ct_slice(MARKED, PatientOrientation=letters))), SHOWN)


def test_numbers_count_more_than_letters() -> None:
    data = as_bytes(ct_slice(MARKED, PatientOrientation=["L", "F"], ImageOrientationPatient=tilted(0)))
    np.testing.assert_array_equal(decode(data), SHOWN)


@pytest.mark.parametrize("kind", ["REFORMATTED", "MPR", "CORONAL", "CSA MPR"])
def test_a_reformat_that_does_not_say_its_plane_is_refused(kind: str) -> None:
    image_type = ["DERIVED", "SECONDARY", kind]
    assert code_of(ImageType=image_type) == ReasonCode.NOT_AXIAL
    data = as_bytes(ct_slice(MARKED, ImageType=image_type, ImageOrientationPatient=tilted(0)))
    np.testing.assert_array_equal(decode(data), SHOWN)


def test_a_word_that_only_contains_such_a_kind_is_none() -> None:
    data = as_bytes(ct_slice(MARKED, ImageType=["DERIVED", "PRIMARY", "AXIAL", "COMPRESSED"]))
    np.testing.assert_array_equal(decode(data), SHOWN)


@pytest.mark.parametrize("plane", [None, [0, 0, 0, 0, 0, 0]])
def test_an_original_slice_that_does_not_say_its_plane_is_read(plane: list[float] | None) -> None:
    elements = {} if plane is None else {"ImageOrientationPatient": plane}
    np.testing.assert_array_equal(decode(as_bytes(ct_slice(MARKED, **elements))), SHOWN)


@pytest.mark.parametrize("plane", [[1, 0, 0], [5, 0, 0, 0, 5, 0], [1, 0, 0, 1, 0, 0]])
def test_an_orientation_that_is_none_is_damage(plane: list[float]) -> None:
    with pytest.raises(UnreadableImage, match="truncated or damaged"):
        decode(as_bytes(ct_slice(MARKED, ImageOrientationPatient=plane)))


@pytest.mark.parametrize(
    ("plane", "letters", "stored"),
    [
        ([-1, 0, 0, 0, 1, 0], ["R", "P"], MARKED[:, ::-1]),
        ([1, 0, 0, 0, -1, 0], ["L", "A"], MARKED[::-1]),
        ([-1, 0, 0, 0, -1, 0], ["RA", "AL"], MARKED[::-1, ::-1]),
        ([0, 1, 0, 1, 0, 0], ["P", "L"], MARKED.T),
        ([0, -1, 0, 1, 0, 0], ["A", "L"], MARKED.T[:, ::-1]),
        ([0, 1, 0, -1, 0, 0], ["P", "R"], MARKED.T[::-1]),
        ([0, -1, 0, -1, 0, 0], ["A", "R"], MARKED.T[::-1, ::-1]),
    ],
)
def test_a_slice_that_lies_otherwise_is_turned_to_the_standard_view(
    plane: list[float], letters: list[str], stored: np.ndarray
) -> None:
    stored = np.ascontiguousarray(stored)
    for said in ({"ImageOrientationPatient": plane}, {"PatientOrientation": letters}):
        np.testing.assert_array_equal(decode(as_bytes(ct_slice(stored, **said))), SHOWN)


@pytest.mark.parametrize("tag", ["PixelSpacing", "PixelAspectRatio"])
def test_oblong_pixels_become_square(tag: str) -> None:
    decoded = decode(as_bytes(ct_slice(MARKED, **{tag: [2, 1]})))
    assert decoded.shape == (144, 80)
    on_its_side = ct_slice(np.ascontiguousarray(MARKED.T), ImageOrientationPatient=[0, 1, 0, 1, 0, 0])
    setattr(on_its_side, tag, [1, 2])
    np.testing.assert_array_equal(decode(as_bytes(on_its_side)), decoded)


@pytest.mark.parametrize("spacing", [[0.5, 0.5], [0.5, 0.502], [0, 1], [1, 90]])
def test_square_pixels_and_spacings_that_make_no_sense_change_nothing(spacing: list[float]) -> None:
    np.testing.assert_array_equal(decode(as_bytes(ct_slice(MARKED, PixelSpacing=spacing))), SHOWN)
