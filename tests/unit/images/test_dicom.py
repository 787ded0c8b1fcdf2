"""What is made of a DICOM slice: the brain window, and a key of its patient."""

import io
from contextlib import suppress

import imagecodecs
import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from core.errors import NotACtSlice, UnreadableImage
from images.constants import Preprocessing
from images.decoding import decode
from images.dicom import dicom_patient
from images.dicom_pixels import stored_values
from images.noted import Noted
from images.preprocessing import preprocess
from tests.conftest import DATA
from tests.dicom_files import HOUNSFIELD, as_bytes, compressed, compressed_slice, ct_slice

SERIES = DATA / "dicom" / "ge_head"
RECOMPRESSED = DATA / "dicom" / "ge_head_recompressed"
UNSIGNED = (HOUNSFIELD + 1024).astype(np.uint16)
LOSSLESS = [
    *(RLELossless, JPEGLossless, JPEGLosslessSV1, JPEGLSLossless),
    *(JPEG2000Lossless, HTJ2KLossless, HTJ2KLosslessRPCL),
]
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


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_lossless_compression_changes_nothing(syntax: str) -> None:
    np.testing.assert_array_equal(decode(as_bytes(compressed_slice(syntax))), WINDOWED)


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize(("kind", "bits"), [("u2", 16), ("i2", 16), ("u2", 12), ("i2", 12)])
def test_lossless_compression_keeps_every_bit(syntax: str, kind: str, bits: int) -> None:
    rng = np.random.default_rng(3)
    half = 2 ** (bits - 1)
    stored = rng.integers(-half, half, (64, 80)) + (half if kind == "u2" else 0)
    dataset = ct_slice(stored.astype(kind), BitsStored=bits, HighBit=bits - 1)
    told = bits if syntax in (JPEGLossless, JPEGLosslessSV1, JPEG2000Lossless) else None
    encoded = dcmread(io.BytesIO(as_bytes(compressed(dataset, syntax, told))))
    np.testing.assert_array_equal(stored_values(encoded).values, stored)


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, HTJ2KLossless])
def test_a_sign_that_only_the_codestream_has_is_read(syntax: str) -> None:
    encode = imagecodecs.jpeg2k_encode if syntax == JPEG2000Lossless else imagecodecs.htj2k_encode
    codestream = {"codecformat": "j2k"} if syntax == JPEG2000Lossless else {}
    dataset = ct_slice(HOUNSFIELD, PixelRepresentation=0)
    dataset.PixelData = encapsulate([encode(HOUNSFIELD, reversible=True, **codestream)])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = syntax
    np.testing.assert_array_equal(decode(as_bytes(dataset)), WINDOWED)


def test_fill_bytes_before_a_marker_are_no_damage() -> None:
    dataset = compressed_slice(JPEGLosslessSV1)
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    start = frame.index(b"\xff\xc3")
    dataset.PixelData = encapsulate([frame[:start] + b"\xff" + frame[start:]])
    np.testing.assert_array_equal(decode(as_bytes(dataset)), WINDOWED)


@pytest.mark.parametrize("syntax", [JPEGExtended12Bit, JPEGLSNearLossless, JPEG2000, HTJ2K])
def test_compression_with_loss_changes_little_and_is_told(syntax: str) -> None:
    noted = Noted()
    bits = 12 if syntax == JPEGExtended12Bit else None
    dataset = compressed(ct_slice(UNSIGNED, RescaleIntercept=-1024), syntax, bits)
    dataset.LossyImageCompression = "01"
    shown = decode(as_bytes(dataset), noted=noted)
    assert np.abs(shown.astype(int) - WINDOWED).mean() < 8
    assert "compressed with loss" in noted.warnings[0]


@pytest.mark.parametrize("syntax", [JPEGLossless, JPEGLosslessSV1, JPEGExtended12Bit, HTJ2KLossless])
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_frame_that_was_cut_off_is_damage(syntax: str, kept: float) -> None:
    rng = np.random.default_rng(4)
    dataset = ct_slice(rng.normal(1060, 60, (256, 256)).astype(np.uint16), RescaleIntercept=-1024)
    dataset = compressed(dataset, syntax, None if syntax == HTJ2KLossless else 12)
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    for end in (b"", b"\xff\xd9") if syntax in (JPEGLossless, JPEGLosslessSV1) else (b"",):
        dataset.PixelData = encapsulate([frame[: int(len(frame) * kept)] + end])
        with pytest.raises(UnreadableImage, match="truncated or damaged"):
            decode(as_bytes(dataset))


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
@pytest.mark.parametrize("syntax", ["j2k90", "jpegls80", "jpegll70", "rle"])
def test_real_slices_decode_the_same_in_every_syntax(slice_: str, syntax: str) -> None:
    original = decode((SERIES / f"{slice_}.dcm").read_bytes())
    recompressed = decode((RECOMPRESSED / f"{slice_}_{syntax}.dcm").read_bytes())
    np.testing.assert_array_equal(recompressed, original)


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
