"""Bits, encodings and compression of DICOM pixels are read as the tags say, and loss is told."""

import io
import struct

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from core.errors import NotACtSlice, RejectedImage, UnreadableImage
from images.decoding import decode
from images.dicom_pixels import stored_values
from images.noted import Noted
from tests.dicom_files import HOUNSFIELD, as_bytes, compressed, compressed_slice, ct_slice

WINDOWED = np.clip(np.rint(HOUNSFIELD * (255.0 / 80.0)), 0, 255).astype(np.uint8)
UNSIGNED = (HOUNSFIELD + 1024).astype(np.uint16)


def of_twelve_bits(words: np.ndarray, high: int = 11, **elements: object) -> Dataset:
    """Values of 12 bits, and an intercept for those without a sign."""
    intercept = 0 if words.dtype.kind == "i" else -1024
    return ct_slice(words, BitsStored=12, HighBit=high, RescaleIntercept=intercept, **elements)


@pytest.mark.parametrize("high", [11, 12, 15])
def test_twelve_bits_are_read_where_the_high_bit_says(high: int) -> None:
    words = UNSIGNED << (high - 11)
    np.testing.assert_array_equal(decode(as_bytes(of_twelve_bits(words, high))), WINDOWED)
    signed = (HOUNSFIELD << (high - 11)).astype(np.int16)
    np.testing.assert_array_equal(decode(as_bytes(of_twelve_bits(signed, high))), WINDOWED)


def test_the_high_bit_counts_in_run_length_encoding_too() -> None:
    dataset = of_twelve_bits(UNSIGNED << 4, 15)
    dataset.compress(RLELossless, generate_instance_uid=False)
    np.testing.assert_array_equal(decode(as_bytes(dataset)), WINDOWED)


def test_the_sign_is_that_of_the_bits_that_are_stored() -> None:
    words = (HOUNSFIELD & 0x0FFF).astype(np.int16)  # bits above are 0, also of negative values
    np.testing.assert_array_equal(decode(as_bytes(of_twelve_bits(words))), WINDOWED)


def test_overlays_in_unused_bits_are_no_part_of_the_values() -> None:
    words = UNSIGNED | np.uint16(0x1000)
    words[::3] |= np.uint16(0x4000)
    np.testing.assert_array_equal(decode(as_bytes(of_twelve_bits(words))), WINDOWED)


@pytest.mark.parametrize("declared", [True, False])
def test_negative_padding_in_twelve_bits_without_a_sign_is_black(declared: bool) -> None:
    words = UNSIGNED.copy()
    words[:10] = 65536 - 2000
    dataset = of_twelve_bits(words, **({"PixelPaddingValue": 65536 - 2000} if declared else {}))
    decoded = decode(as_bytes(dataset))
    assert (decoded[:10] == 0).all()
    np.testing.assert_array_equal(decoded[10:], WINDOWED[10:])


def as_encoded(dataset: Dataset, syntax: str) -> bytes:
    """The file in one of the encodings without compression."""
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
        dataset["PixelData"].VR = "OW"
    dataset["PixelData"].VR = "OW"
    return as_bytes(dataset)


def start_of_data_set(data: bytes) -> int:
    """Behind preamble, prefix and group 0002."""
    (length,) = struct.unpack_from("<I", data, 140)
    return 144 + length


ENCODINGS = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]


@pytest.mark.parametrize("syntax", ENCODINGS)
def test_every_encoding_is_read(syntax: str) -> None:
    np.testing.assert_array_equal(decode(as_encoded(ct_slice(), syntax)), WINDOWED)


@pytest.mark.parametrize("syntax", [*ENCODINGS, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("kind", ["<i2", "<u2"])
def test_every_encoding_keeps_every_bit(syntax: str, kind: str) -> None:
    stored = np.random.default_rng(3).integers(0, 65536, (64, 80)).astype(np.uint16).view(kind)
    read = dcmread(io.BytesIO(as_encoded(ct_slice(stored), syntax)))
    np.testing.assert_array_equal(stored_values(read).values, stored)


@pytest.mark.parametrize("syntax", ENCODINGS)
def test_a_file_without_preamble_and_meta_information_is_read(syntax: str) -> None:
    data = as_encoded(ct_slice(), syntax)
    np.testing.assert_array_equal(decode(data[start_of_data_set(data) :]), WINDOWED)


def test_a_file_without_preamble_is_read_by_its_meta_information() -> None:
    np.testing.assert_array_equal(decode(as_encoded(ct_slice(), ExplicitVRLittleEndian)[132:]), WINDOWED)
    np.testing.assert_array_equal(decode(as_bytes(compressed_slice(JPEGLSLossless))[132:]), WINDOWED)


@pytest.mark.parametrize("syntax", ENCODINGS)
def test_a_file_that_does_not_say_its_transfer_syntax_is_read_as_its_elements_are(syntax: str) -> None:
    data = as_encoded(ct_slice(), syntax)
    buffer = io.BytesIO(data[: start_of_data_set(data)])
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    element = b"\x02\x00\x10\x00UI" + struct.pack("<H", len(uid)) + uid
    meta = buffer.getvalue().replace(element, b"")
    (length,) = struct.unpack_from("<I", meta, 140)
    meta = meta[:140] + struct.pack("<I", length - len(element)) + meta[144:]
    np.testing.assert_array_equal(decode(meta + data[start_of_data_set(data) :]), WINDOWED)


def test_a_compressed_file_that_does_not_say_how_is_refused() -> None:
    data = as_bytes(compressed_slice(JPEGLSLossless))
    with pytest.raises(UnreadableImage, match=r"does not say how its image is compressed.*Export it again"):
        decode(data[start_of_data_set(data) :])


@pytest.mark.parametrize("number", [b"1,0 ", b"1.0.", b"one ", b"1\\2 ", b"nan ", b"1_00", b"1e99"])
@pytest.mark.parametrize("name", ["RescaleSlope", "RescaleIntercept"])
def test_a_rescale_that_is_no_number_is_that_reason_and_no_guess(name: str, number: bytes) -> None:
    data = as_bytes(ct_slice(**{name: "7777"}))
    assert data.count(b"7777") == 1
    with pytest.raises(NotACtSlice, match=r"by numbers.*Hounsfield units"):
        decode(data.replace(b"7777", number))


def jpeg_2000(stored: np.ndarray, signed: bool = False, **options: object) -> Dataset:
    dataset = ct_slice(stored, RescaleIntercept=0 if stored.dtype.kind == "i" else -1024)
    buffer = io.BytesIO()
    words = stored.astype(np.int32) + 32768 if signed else stored
    Image.fromarray(words.astype(np.uint16)).save(buffer, "JPEG2000", no_jp2=True, **options)
    frame = bytearray(buffer.getvalue())
    frame[42] |= 0x80 * signed  # Ssiz: ISO/IEC 15444-1, A.5.1
    dataset.PixelData = encapsulate([bytes(frame)])
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    dataset["PixelData"].VR = "OB"
    return dataset


def test_jpeg_2000_with_a_sign_is_read() -> None:
    np.testing.assert_array_equal(decode(as_bytes(jpeg_2000(HOUNSFIELD, signed=True))), WINDOWED)


def test_jpeg_2000_whose_sign_contradicts_the_data_set_is_read_as_the_data_set_says() -> None:
    """Two's complement that was compressed as if it had no sign."""
    words = HOUNSFIELD.view(np.uint16)
    dataset = jpeg_2000(words)
    dataset.PixelRepresentation, dataset.RescaleIntercept = 1, 0
    np.testing.assert_array_equal(decode(as_bytes(dataset)), WINDOWED)


def warnings_of(dataset: Dataset) -> list[str]:
    noted = Noted()
    try:
        decode(as_bytes(dataset), noted=noted)
    except RejectedImage:
        noted.warnings.append("rejected")
    return noted.warnings


def test_a_slice_without_loss_has_no_warning() -> None:
    assert warnings_of(ct_slice()) == []
    assert warnings_of(ct_slice(LossyImageCompression="00")) == []


def test_loss_is_told_with_its_ratio() -> None:
    (warned,) = warnings_of(ct_slice(LossyImageCompression="01", LossyImageCompressionRatio=["7", "11"]))
    assert "with loss by 77:1" in warned
    (warned,) = warnings_of(ct_slice(LossyImageCompression="01", LossyImageCompressionRatio=76.8))
    assert "with loss by 77:1" in warned
    for ratio in ("", None):
        dataset = ct_slice(LossyImageCompression="01")
        if ratio is not None:
            dataset.LossyImageCompressionRatio = ratio
        assert "with loss, which" in warnings_of(dataset)[0]


def test_loss_is_told_where_the_file_is_rejected_for_another_reason() -> None:
    warned = warnings_of(ct_slice(LossyImageCompression="01", Modality="MR"))
    assert "with loss" in warned[0]
    assert warned[1] == "rejected"


def jpeg_of(level: int = 60) -> Dataset:
    rng = np.random.default_rng(4)
    grey = np.clip(rng.normal(level, 9, (96, 96)), 0, 255).astype(np.uint8)
    dataset = ct_slice(grey)
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "JPEG", quality=90)
    dataset.PixelData = encapsulate([buffer.getvalue()])
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset["PixelData"].VR = "OB"
    return dataset


def test_loss_is_known_by_the_transfer_syntax_too() -> None:
    assert "with loss" in warnings_of(jpeg_of())[0]
    dataset = compressed_slice(JPEGLSLossless)
    dataset.file_meta.TransferSyntaxUID = JPEGLSNearLossless
    assert "with loss" in warnings_of(dataset)[0]
    either = jpeg_2000(UNSIGNED)
    either.file_meta.TransferSyntaxUID = JPEG2000
    assert warnings_of(either) == []


def test_a_hole_in_a_jpeg_within_dicom_is_damage() -> None:
    dataset = jpeg_of()
    assert decode(as_bytes(dataset)).shape == (96, 96)
    middle = len(dataset.PixelData) // 2
    dataset.PixelData = dataset.PixelData[:middle] + bytes(500) + dataset.PixelData[middle + 500 :]
    with pytest.raises(UnreadableImage, match="truncated or damaged"):
        decode(as_bytes(dataset))


@pytest.mark.parametrize(
    ("syntax", "kind"),
    [
        *((RLELossless, kind) for kind in ("zeros", "noise")),
        *((JPEGLSLossless, kind) for kind in ("zeros", "noise")),
        (JPEG2000Lossless, "zeros"),  # noise looks like its codes
    ],
)
def test_a_hole_in_a_compressed_frame_is_damage(syntax: str, kind: str) -> None:
    rng = np.random.default_rng(11)
    stored = rng.normal(1060, 60, (256, 256)).astype(np.uint16)
    dataset = jpeg_2000(stored, irreversible=False)
    if syntax != JPEG2000Lossless:
        dataset = ct_slice(stored, RescaleIntercept=-1024)
        dataset = compressed(dataset, syntax)
    whole = dataset.PixelData
    assert decode(as_bytes(dataset)).shape == (256, 256)
    middle = len(whole) // 2
    for at in (middle - 9000, middle, middle + 9001):
        hole = bytes(4096) if kind == "zeros" else rng.bytes(4096)
        dataset.PixelData = whole[:at] + hole + whole[at + 4096 :]
        with pytest.raises(UnreadableImage, match="truncated or damaged"):
            decode(as_bytes(dataset))
