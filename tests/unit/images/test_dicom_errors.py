"""A DICOM file that is no CT slice, or cannot be decoded, ends as a `RejectedImage` that says what to do."""

import traceback
import warnings
from contextlib import suppress

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from core.errors import ImageTooLarge, ImageTooSmall, NotACtSlice, RejectedImage, UnreadableImage
from images.codestream import frame_shape
from images.decoding import decode
from images.dicom import dicom_patient
from tests.dicom_files import as_bytes, compressed_slice, ct_slice


@pytest.mark.parametrize(
    ("elements", "error", "message"),
    [
        ({"Modality": "MR"}, NotACtSlice, r"another modality \(MR\).*head CT"),
        ({"Modality": "CT_MR_X"}, NotACtSlice, r"another modality\. Submit"),
        ({"PixelData": None}, UnreadableImage, "holds no image.*Submit the slices"),
        ({"Rows": None}, UnreadableImage, "holds no image"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, NotACtSlice, "scout view.*axial"),
        ({"NumberOfFrames": 30}, UnreadableImage, "many frames.*a file of its own"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, NotACtSlice, "not in grey.*original slices"),
        ({"PhotometricInterpretation": None}, NotACtSlice, "not in grey"),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, NotACtSlice, "not in grey"),
        ({"RescaleIntercept": None}, NotACtSlice, "Hounsfield units.*original slices"),
        ({"RescaleSlope": None}, NotACtSlice, "Hounsfield units"),
        ({"RescaleType": "Z_EFF"}, NotACtSlice, "not Hounsfield units"),
        ({"RescaleSlope": 0}, NotACtSlice, "by numbers.*Hounsfield units"),
        ({"RescaleSlope": [1, -1024], "RescaleIntercept": None}, NotACtSlice, "by numbers.*Hounsfield units"),
        ({"RescaleSlope": ""}, NotACtSlice, "by numbers.*Hounsfield units"),
        ({"RescaleIntercept": ""}, NotACtSlice, "by numbers.*Hounsfield units"),
        ({"BitsStored": 17}, UnreadableImage, "truncated or damaged"),
        ({"BitsStored": 12, "HighBit": 3}, UnreadableImage, "truncated or damaged"),
        ({"PixelData": bytes(100)}, UnreadableImage, "truncated or damaged"),
        ({"BitsAllocated": 12}, UnreadableImage, "truncated or damaged"),
        ({"Rows": 60000, "Columns": 60000}, ImageTooLarge, r"20,000,000 pixels.*HEADCT_MAX_PIXELS"),
        ({"Rows": 20}, ImageTooSmall, "80 x 20 pixels; at least 64 x 64"),
    ],
)
def test_what_is_no_ct_slice_is_refused(
    elements: dict[str, object], error: type[RejectedImage], message: str
) -> None:
    with pytest.raises(error, match=message):
        decode(as_bytes(ct_slice(**elements)))


@pytest.mark.parametrize("garbage", [b"", bytes(500), b"\x08\x00", b"no data set" * 50, b"\xff" * 300])
def test_a_preamble_followed_by_garbage_is_damaged(garbage: bytes) -> None:
    with pytest.raises(UnreadableImage, match=r"truncated or damaged|holds no image"):
        decode(bytes(128) + b"DICM" + garbage)


@pytest.mark.parametrize(
    "syntax", ["1.2.840.10008.1.2.4.92", "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.110", "1.2.3"]
)
def test_a_compression_without_a_decoder_is_named(syntax: str) -> None:
    data = as_bytes(compressed_slice(HTJ2KLossless))
    data = data.replace(HTJ2KLossless.encode(), syntax.ljust(len(HTJ2KLossless), "\0").encode())
    with pytest.raises(UnreadableImage, match=r"cannot be decoded here \(.*\)\. Export it uncompressed"):
        decode(data)


def deflated(dataset: Dataset) -> bytes:
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    return as_bytes(dataset)


def test_a_deflated_file_is_inflated_up_to_a_bound() -> None:
    plain = decode(as_bytes(ct_slice()))
    data = deflated(ct_slice())
    np.testing.assert_array_equal(decode(data), plain)
    np.testing.assert_array_equal(decode(data[132:]), plain)
    assert dicom_patient(data) == dicom_patient(as_bytes(ct_slice()))
    bomb = deflated(ct_slice(PixelData=bytes(65 * 2**20)))
    assert len(bomb) < 2**20
    with pytest.raises(ImageTooLarge, match=r"deflated.*64 MiB.*uncompressed"):
        decode(bomb)


@pytest.mark.parametrize("kind", ["zeros", "noise"])
@pytest.mark.parametrize("size", [64, 512, 4096])
def test_a_hole_in_a_deflated_file_is_nearly_always_told(kind: str, size: int) -> None:
    rng = np.random.default_rng(2)
    dataset = ct_slice(rng.normal(40, 30, (256, 256)).astype(np.int16))
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = (
        "1.2.3"  # the same bytes each time
    )
    data, told = deflated(dataset), 0
    for at in rng.integers(700, len(data) - 5000, 40):
        hole = bytes(size) if kind == "zeros" else rng.bytes(size)
        with suppress(UnreadableImage):
            decode(data[:at] + hole + data[at + size :])
            continue
        told += 1
    assert told >= 36


def test_what_may_follow_the_pixels_of_a_deflated_file_is_no_damage() -> None:
    padded = ct_slice()
    padded.add_new(0xFFFCFFFC, "OB", bytes(64))
    np.testing.assert_array_equal(decode(deflated(padded)), decode(as_bytes(ct_slice())))


@pytest.mark.parametrize("damage", ["cut", "noise", "no length"])
def test_a_deflated_file_that_is_damaged_is_told(damage: str) -> None:
    data = deflated(ct_slice())
    data = {
        "cut": data[:-40],
        "noise": data[:-400] + np.random.default_rng(1).bytes(300) + data[-100:],
        "no length": data[:132] + data[144:],
    }[damage]
    with pytest.raises(UnreadableImage, match="truncated or damaged"):
        decode(data)


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless])
def test_a_frame_that_announces_another_size_than_the_data_set_is_damaged(syntax: str) -> None:
    dataset = compressed_slice(syntax)
    dataset.Rows = 70
    with pytest.raises(UnreadableImage, match="truncated or damaged"):
        decode(as_bytes(dataset))


def test_runs_that_hold_more_than_the_data_set_says_are_damaged() -> None:
    dataset = compressed_slice(RLELossless)
    dataset.PixelData = dataset.PixelData + bytes(40_000)
    with pytest.raises(UnreadableImage, match="truncated or damaged"):
        decode(as_bytes(dataset))


@pytest.mark.parametrize("frame", [b"", b"\xff\xd8", b"\xff\xd8\x00\x00\x00\x04", b"\xff\x4f\xff\x51\x00"])
def test_a_frame_without_a_size_is_a_value_error(frame: bytes) -> None:
    with pytest.raises(ValueError, match=r"size|marker"):
        frame_shape(frame)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_damaged(kept: float) -> None:
    data = as_bytes(ct_slice())
    with pytest.raises(UnreadableImage, match=r"truncated or damaged|holds no image"):
        decode(data[: int(len(data) * kept)])


@pytest.mark.parametrize("syntax", [None, RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_damage_anywhere_is_either_decoded_or_rejected(syntax: str | None) -> None:
    rng = np.random.default_rng(1)
    dataset = ct_slice() if syntax is None else compressed_slice(syntax)
    whole = np.frombuffer(as_bytes(dataset), dtype=np.uint8)
    for _ in range(120):
        damaged = whole.copy()
        where = 132 + rng.integers(700 if rng.random() < 0.7 else len(whole) - 132, size=4)
        damaged[where] = rng.integers(0, 255, 4)
        with suppress(RejectedImage):
            assert decode(damaged.tobytes()).ndim == 2


def test_nothing_of_the_patient_is_logged_warned_or_in_the_traceback(
    caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    dataset = ct_slice(PixelData=bytes(100))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.PatientID, dataset.PatientBirthDate = "SECRET" * 12, "SECRET"
        data = as_bytes(dataset)
    caplog.clear()
    dicom_patient(data)
    with pytest.raises(UnreadableImage) as refused:
        decode(data)
    warned = [str(warning.message) for warning in recwarn]
    assert "SECRET" not in "".join((*traceback.format_exception(refused.value), caplog.text, *warned))
