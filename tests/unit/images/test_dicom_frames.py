"""Each frame of a file of several is read as if it were a slice of its own, and one at a time."""

import io
import tracemalloc

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    MRImageStorage,
    RLELossless,
)

from core.errors import RejectedImage
from core.reasons import ReasonCode
from images.decoding import decode
from images.dicom_file import announced_frames
from images.dicom_frames import Frames
from images.noted import Noted
from tests.dicom_files import as_bytes, classic_frames, compressed, ct_slice, enhanced_ct

GREY = [np.random.default_rng(number).integers(-1000, 200, (64, 80)).astype(np.int16) for number in range(5)]


def opened(data: bytes) -> Frames:
    return Frames(io.BytesIO(data), 20_000_000)


def refusal_of(data: bytes, number: int = 0) -> ReasonCode:
    with pytest.raises(RejectedImage) as refused:
        opened(data).shown(number, Noted())
    return refused.value.reason.code


@pytest.mark.parametrize("make", [enhanced_ct, classic_frames])
def test_every_frame_is_shown_as_a_slice_of_its_own_would_be(make: type) -> None:
    frames = opened(as_bytes(make(GREY)))
    assert frames.count == 5
    for number in (3, 0, 4, 1, 2):
        np.testing.assert_array_equal(frames.shown(number, Noted()), decode(as_bytes(ct_slice(GREY[number]))))


def test_functional_groups_give_place_thickness_and_rescale_of_each_frame() -> None:
    dataset = enhanced_ct(GREY)
    own = Dataset()
    own.RescaleSlope, own.RescaleIntercept, own.RescaleType = 1, -20, "HU"
    dataset.PerFrameFunctionalGroupsSequence[2].PixelValueTransformationSequence = [own]
    dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SliceThickness = 9
    frames, noted = opened(as_bytes(dataset)), Noted()
    shown = frames.shown(2, noted)
    np.testing.assert_array_equal(shown, decode(as_bytes(ct_slice(GREY[2] - 20))))
    assert noted.warnings == ["The slice is 9 mm thick, not 0.5 to 7."]
    assert noted.place is not None
    assert (noted.place.instance_number, noted.place.position_mm) == (3, 10.0)
    assert noted.place.series.thickness_mm == 9.0


def test_frames_of_a_classic_file_have_their_order_and_no_place_that_is_another_ones() -> None:
    dataset = classic_frames(GREY, ImagePositionPatient=[0, 0, 7], ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    frames, noted = opened(as_bytes(dataset)), Noted()
    frames.shown(4, noted)
    assert noted.place is not None
    assert (noted.place.instance_number, noted.place.position_mm) == (5, None)


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_frames_are_read_in_every_encoding(syntax: str) -> None:
    dataset = enhanced_ct(GREY)
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = np.stack(GREY).astype(">i2").tobytes()
    dataset["PixelData"].VR = "OW"
    data = as_bytes(dataset)
    assert announced_frames(io.BytesIO(data)) == 5
    np.testing.assert_array_equal(opened(data).shown(3, Noted()), decode(as_bytes(ct_slice(GREY[3]))))


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless, JPEGLosslessSV1])
@pytest.mark.parametrize("table", ["basic", "none", "extended", "basic, in pieces"])
def test_compressed_frames_are_read_by_either_table_of_offsets_or_by_none(syntax: str, table: str) -> None:
    unsigned = [(grey + 1024).astype(np.uint16) for grey in GREY]
    parts = [
        next(generate_frames(compressed(ct_slice(one), syntax).PixelData, number_of_frames=1))
        for one in unsigned
    ]
    dataset = enhanced_ct(unsigned)
    dataset.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence[0].RescaleIntercept = -1024
    dataset.file_meta.TransferSyntaxUID = syntax
    if table == "extended":
        dataset.PixelData, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = (
            encapsulate_extended(parts)
        )
    else:
        pieces = 3 if "pieces" in table else 1
        dataset.PixelData = encapsulate(parts, fragments_per_frame=pieces, has_bot=table != "none")
    dataset["PixelData"].VR = "OB"
    frames = opened(as_bytes(dataset))
    for number in (4, 1):
        np.testing.assert_array_equal(frames.shown(number, Noted()), decode(as_bytes(ct_slice(GREY[number]))))


def test_what_holds_of_all_frames_refuses_the_file_and_of_one_that_frame() -> None:
    assert (
        refusal_of(as_bytes(enhanced_ct(GREY, Modality="MR", SOPClassUID=MRImageStorage))) == "other_modality"
    )
    assert refusal_of(as_bytes(enhanced_ct(GREY, PixelData=GREY[0].tobytes()))) == "damaged"
    assert refusal_of(as_bytes(enhanced_ct(GREY, NumberOfFrames=30_000))) == "too_large"
    assert refusal_of(as_bytes(enhanced_ct(GREY))[:-100]) == "damaged"
    video = enhanced_ct(GREY, PixelData=encapsulate([bytes(50)] * 5))
    video["PixelData"].VR, video.file_meta.TransferSyntaxUID = "OB", "1.2.840.10008.1.2.4.102"
    assert refusal_of(as_bytes(video)) == "unsupported"
    coronal, dataset = Dataset(), enhanced_ct(GREY)
    coronal.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
    dataset.PerFrameFunctionalGroupsSequence[1].PlaneOrientationSequence = [coronal]
    assert refusal_of(as_bytes(dataset), 1) == "not_axial"
    assert opened(as_bytes(dataset)).shown(2, Noted()).shape == (64, 80)
    del dataset.PerFrameFunctionalGroupsSequence[4]
    assert refusal_of(as_bytes(dataset), 4) == "damaged"


def test_damage_anywhere_is_either_read_or_refused() -> None:
    rng = np.random.default_rng(1)
    whole = np.frombuffer(as_bytes(enhanced_ct(GREY)), dtype=np.uint8)
    header = len(whole) - 5 * GREY[0].nbytes
    for _ in range(150):
        damaged = whole.copy()
        damaged[132 + rng.integers(header - 132, size=4)] = rng.integers(0, 255, 4)
        announced_frames(io.BytesIO(damaged.tobytes()))
        try:
            frames = opened(damaged.tobytes())
            for number in range(min(frames.count, 6)):
                frames.shown(number, Noted())
        except RejectedImage:
            continue


def test_one_frame_at_a_time_is_in_memory() -> None:
    data = as_bytes(enhanced_ct([np.full((128, 128), -1000, dtype=np.int16)] * 400))
    opened(data).shown(0, Noted())  # imports
    file = io.BytesIO(data)
    tracemalloc.start()
    try:
        frames = Frames(file, 20_000_000)
        for number in range(400):
            frames.shown(number, Noted())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(data) / 4
