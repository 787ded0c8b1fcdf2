"""What is made of a DICOM slice: the brain window, and a key of its patient."""

from contextlib import suppress

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from core.errors import NotACtSlice, UnreadableImage
from images.constants import Preprocessing
from images.decoding import decode
from images.dicom import dicom_patient
from images.preprocessing import preprocess
from tests.conftest import DATA
from tests.dicom_files import HOUNSFIELD, as_bytes, compressed_slice, ct_slice

SERIES = DATA / "dicom" / "ge_head"
RECOMPRESSED = DATA / "dicom" / "ge_head_recompressed"
WINDOWED = np.clip(np.rint(HOUNSFIELD * (255.0 / 80.0)), 0, 255).astype(np.uint8)


def test_hounsfield_units_0_to_80_become_black_to_white() -> None:
    decoded = decode(as_bytes(ct_slice()))
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, WINDOWED)


def test_slope_and_intercept_are_applied_and_the_files_own_window_is_not() -> None:
    stored = ((HOUNSFIELD + 1024) // 2).astype(np.uint16)
    dataset = ct_slice(stored, RescaleSlope=2, RescaleIntercept=-1024, WindowCenter=300, WindowWidth=1500)
    np.testing.assert_array_equal(decode(as_bytes(dataset)), WINDOWED)


@pytest.mark.parametrize("shape", ["IDENTITY", "INVERSE"])
def test_hounsfield_units_mean_the_same_however_a_display_shows_them(shape: str) -> None:
    dataset = ct_slice(PhotometricInterpretation="MONOCHROME1", PresentationLUTShape=shape)
    np.testing.assert_array_equal(decode(as_bytes(dataset)), WINDOWED)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("padding", [-1500, 3000])
def test_padding_is_black_like_air_whatever_its_value(photometric: str, padding: int) -> None:
    stored = HOUNSFIELD.copy()
    stored[:10] = padding
    dataset = ct_slice(stored, PixelPaddingValue=padding, PhotometricInterpretation=photometric)
    assert (decode(as_bytes(dataset))[:10] == 0).all()


def test_a_range_of_padding_is_black() -> None:
    stored = HOUNSFIELD.copy()
    stored[:5], stored[5:10] = 2990, 3005
    dataset = ct_slice(stored, PixelPaddingValue=3010, PixelPaddingRangeLimit=2980)
    decoded = decode(as_bytes(dataset))
    assert (decoded[:10] == 0).all()
    np.testing.assert_array_equal(decoded[10:], WINDOWED[10:])


@pytest.mark.parametrize("declared", [True, False])
def test_negative_padding_in_pixels_without_a_sign_is_black(declared: bool) -> None:
    stored = np.clip(HOUNSFIELD, 0, None).astype(np.uint16)
    stored[:10] = 65536 - 2000
    dataset = ct_slice(stored)
    if declared:
        dataset.PixelPaddingValue = 65536 - 2000
    assert (decode(as_bytes(dataset))[:10] == 0).all()


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_lossless_compression_changes_nothing(syntax: str) -> None:
    np.testing.assert_array_equal(decode(as_bytes(compressed_slice(syntax))), WINDOWED)


@pytest.mark.skipif(not SERIES.is_dir(), reason="the real series is not here")
def test_a_real_series_is_decoded_and_its_brain_is_found() -> None:
    for number in range(8, 27):
        decoded = decode((SERIES / f"{number:02d}.dcm").read_bytes())
        assert decoded.shape == (512, 512)
        assert (decoded[:40] == 0).all()
        assert preprocess(decoded, Preprocessing()).any()


@pytest.mark.skipif(not SERIES.is_dir(), reason="the real series is not here")
def test_a_real_slice_below_the_skull_is_prepared_or_refused_as_no_slice() -> None:
    for number in (1, 2, 3, 28):
        decoded = decode((SERIES / f"{number:02d}.dcm").read_bytes())
        with suppress(NotACtSlice):
            assert np.isfinite(preprocess(decoded, Preprocessing())).all()


@pytest.mark.skipif(not RECOMPRESSED.is_dir(), reason="the recompressed slices are not here")
@pytest.mark.parametrize("slice_", ["16", "20", "23"])
@pytest.mark.parametrize("syntax", ["j2k90", "jpegls80", "rle"])
def test_real_slices_decode_the_same_in_every_syntax(slice_: str, syntax: str) -> None:
    original = decode((SERIES / f"{slice_}.dcm").read_bytes())
    recompressed = decode((RECOMPRESSED / f"{slice_}_{syntax}.dcm").read_bytes())
    np.testing.assert_array_equal(recompressed, original)


@pytest.mark.skipif(not RECOMPRESSED.is_dir(), reason="the recompressed slices are not here")
def test_jpeg_lossless_is_refused_with_what_to_do() -> None:
    with pytest.raises(UnreadableImage, match=r"JPEG Lossless.*Export it uncompressed"):
        decode((RECOMPRESSED / "16_jpegll70.dcm").read_bytes())


def test_the_key_is_that_of_the_patient_and_does_not_show_who_it_is() -> None:
    one = dicom_patient(as_bytes(ct_slice()))
    other_study = dicom_patient(as_bytes(ct_slice(StudyInstanceUID="1.9", SeriesInstanceUID="1.9.1")))
    assert one == other_study
    assert one is not None
    assert len(one) == 64
    assert "Q17" not in one
    assert dicom_patient(as_bytes(ct_slice(PatientID="Q18"))) != one
    assert dicom_patient(as_bytes(ct_slice(IssuerOfPatientID="another hospital"))) != one


@pytest.mark.parametrize("absent", ["", "0", "Anonymous", " unknown "])
def test_without_a_patient_the_key_is_that_of_the_study_then_of_the_series(absent: str) -> None:
    study = dicom_patient(as_bytes(ct_slice(PatientID=absent)))
    assert study == dicom_patient(as_bytes(ct_slice(PatientID=None, SeriesInstanceUID="1.2.3.5")))
    assert study != dicom_patient(as_bytes(ct_slice(PatientID=absent, StudyInstanceUID="1.2.4")))
    series = ct_slice(PatientID=absent, StudyInstanceUID=None)
    assert dicom_patient(as_bytes(series)) not in (None, study)


def test_there_is_no_key_without_names_or_without_dicom() -> None:
    nameless: Dataset = ct_slice(PatientID=None, StudyInstanceUID=None, SeriesInstanceUID=None)
    assert dicom_patient(as_bytes(nameless)) is None
    assert dicom_patient(b"") is None
    assert dicom_patient(bytes(128) + b"DICM" + bytes(500)) is None
