"""Values that cannot be Hounsfield units are refused with that reason; what is only unusual is read."""

import io

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless

from core.errors import NotACtSlice
from core.reasons import ReasonCode
from images.decoding import decode
from images.dicom_pixels import hounsfield_of, padding_of, rescale_of, stored_values
from tests.conftest import DATA
from tests.dicom_files import as_bytes, ct_slice

SERIES = DATA / "dicom" / "ge_head"


def head(air: float = -1000.0, radius: float = 0.75) -> NDArray[np.int16]:
    """Brain of 35 HU in a skull, noisy as a scanner's, in air."""
    rows, columns = np.ogrid[-1:1:160j, -1:1:160j]
    distance = np.hypot(rows, columns / 0.85)
    hounsfield = np.where(distance < radius, 35.0, np.where(distance < radius + 0.08, 1200.0, air))
    return np.rint(hounsfield + np.random.default_rng(1).normal(0, 4, hounsfield.shape)).astype(np.int16)


def refused(dataset: Dataset) -> str:
    with pytest.raises(NotACtSlice) as error:
        decode(as_bytes(dataset))
    assert error.value.reason.code == ReasonCode.NOT_HOUNSFIELD
    return error.value.reason.text


def test_a_head_that_lost_its_intercept_is_refused() -> None:
    assert "none is air" in refused(ct_slice((head() + 1024).astype(np.uint16)))


def test_a_head_that_was_windowed_is_refused() -> None:
    assert "windowed" in refused(ct_slice(np.clip(head(), 0, 80)))


@pytest.mark.parametrize("bits", [12, 13, 16])
def test_a_head_whose_air_lost_its_sign_is_refused(bits: int) -> None:
    words = head().astype(np.int16).view(np.uint16) & np.uint16((1 << bits) - 1)
    assert "Hounsfield" in refused(ct_slice(words, BitsStored=bits, HighBit=bits - 1))


def test_a_head_in_sign_extended_words_without_a_sign_is_refused() -> None:
    words = head().view(np.uint16)
    assert "lost their sign" in refused(ct_slice(words, BitsStored=12, HighBit=11))


@pytest.mark.parametrize("kind", ["inside", "all padding", "in padding", "padding in clipped air"])
def test_a_slice_without_air_but_for_padding_or_within_the_head_is_read(kind: str) -> None:
    values, padding = head(), -2000
    if kind == "inside":
        values = head(radius=2.0)
        values[:3] = 80  # a bleed, or bone
    elif kind == "all padding":
        values[:] = padding
    else:
        values[values < -900] = padding if kind == "in padding" else 0
        values[:4] = padding
    dataset = ct_slice(values, **({} if kind == "inside" else {"PixelPaddingValue": padding}))
    assert decode(as_bytes(dataset)).shape == values.shape


@pytest.mark.parametrize("declared", [0, 1])
def test_jpeg_2000_whose_codestream_has_a_sign_or_none_against_the_data_set_keeps_its_hounsfield_units(
    declared: int,
) -> None:
    """pydicom#1149; a codestream without a sign then holds two's complement."""
    dataset = ct_slice(head(), PixelRepresentation=declared)
    if declared:
        buffer = io.BytesIO()
        Image.fromarray(head().view(np.uint16)).save(buffer, "JPEG2000", no_jp2=True)
        frame = buffer.getvalue()
    else:
        frame = imagecodecs.jpeg2k_encode(head(), codecformat="j2k", reversible=True)
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR, dataset.file_meta.TransferSyntaxUID = "OB", JPEG2000Lossless
    read = dcmread(io.BytesIO(as_bytes(dataset)))
    np.testing.assert_array_equal(stored_values(read).values, head())


@pytest.mark.skipif(not SERIES.is_dir(), reason="the real series is not here")
def test_every_real_slice_without_its_intercept_or_its_sign_is_refused() -> None:
    for number in range(1, 29):
        dataset = dcmread(SERIES / f"{number:02d}.dcm")
        stored = stored_values(dataset)
        values = hounsfield_of(stored, rescale_of(dataset))
        values[padding_of(dataset, stored)] = -1000  # elsewhere than in the room, there is no padding
        for wrong in (np.maximum(values + 1024, 0), np.where(values < 0, values + 4096, values)):
            refused(ct_slice(wrong.astype(np.uint16)))
