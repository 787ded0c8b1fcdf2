"""Small DICOM files for tests."""

import io
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
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

_NUMBERS = itertools.count(1)
"""Of instances: no digits of a random UID are what a test looks for."""
HOUNSFIELD = np.tile(np.arange(-48, 112, 2, dtype=np.int16), (72, 1))
"""A ramp of -48 to 110 HU, (72, 80)."""


def ct_slice(stored: NDArray[np.integer] = HOUNSFIELD, **elements: object) -> Dataset:
    """A CT slice of these stored values, with these elements set or, where None, taken out."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = f"1.2.3.{next(_NUMBERS)}"
    dataset.Modality, dataset.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.PatientID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "Q17", "1.2.3", "1.2.3.4"
    dataset.Rows, dataset.Columns = stored.shape[:2]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = stored.dtype.itemsize * 8
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
    dataset.PixelData = stored.tobytes()
    for name, value in elements.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    return dataset


def enhanced_ct(frames: Sequence[NDArray[np.integer]], **elements: object) -> Dataset:
    """Frames 5 mm apart, from the feet on; what a slice has in its data set stands in functional groups."""
    dataset = classic_frames(frames, **{"SOPClassUID": EnhancedCTImageStorage} | elements)
    del dataset.RescaleSlope, dataset.RescaleIntercept
    shared = _item(
        PlaneOrientationSequence=[_item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
        PixelMeasuresSequence=[_item(PixelSpacing=[1, 1], SliceThickness=5)],
        PixelValueTransformationSequence=[_item(RescaleSlope=1, RescaleIntercept=0, RescaleType="HU")],
    )
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = [
        _item(
            PlanePositionSequence=[_item(ImagePositionPatient=[0, 0, 5 * number])],
            FrameContentSequence=[_item(StackID="1", InStackPositionNumber=number + 1)],
            CTImageFrameTypeSequence=[_item(FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"])],
        )
        for number in range(len(frames))
    ]
    return dataset


def classic_frames(frames: Sequence[NDArray[np.integer]], **elements: object) -> Dataset:
    """Frames of which the file says nothing but that they are there."""
    pixels = b"".join(frame.tobytes() for frame in frames)
    return ct_slice(frames[0], **{"NumberOfFrames": len(frames), "PixelData": pixels} | elements)


def _item(**elements: object) -> Dataset:
    item = Dataset()
    for name, value in elements.items():
        setattr(item, name, value)
    return item


def slice_that_shows(grey: NDArray[np.uint8]) -> bytes:
    """A file that the brain window shows as that image."""
    return as_bytes(ct_slice(hounsfield_that_shows(grey)))


def hounsfield_that_shows(grey: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Whole HU that the brain window (0 to 80) shows as that image; what is black is air."""
    return np.where(grey == 0, -1000, np.rint(grey * (80.0 / 255.0))).astype(np.int16)


def compressed_slice(syntax: str) -> Dataset:
    """The ramp, stored in a lossless transfer syntax."""
    return compressed(ct_slice((HOUNSFIELD + 1024).astype(np.uint16), RescaleIntercept=-1024), syntax)


def compressed(dataset: Dataset, syntax: str, bits: int | None = None) -> Dataset:
    """That slice in a compressed transfer syntax; where the encoder is told them, with so many bits."""
    if syntax == RLELossless:
        dataset.compress(syntax, generate_instance_uid=False)
        return dataset
    stored = np.frombuffer(dataset.PixelData, f"u{dataset.BitsAllocated // 8}")
    stored = stored.reshape(dataset.Rows, dataset.Columns) & ((1 << (bits or dataset.BitsAllocated)) - 1)
    frame = _ENCODERS[syntax](stored.astype(f"u{dataset.BitsAllocated // 8}"), bits or dataset.BitsAllocated)
    dataset.PixelData = encapsulate([frame])
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset["PixelData"].VR = "OB"
    return dataset


def _lossless(predictor: int) -> Callable[[NDArray[Any], int], bytes]:
    return lambda stored, bits: bytes(
        imagecodecs.jpeg8_encode(stored, lossless=True, predictor=predictor, bitspersample=bits)
    )


_ENCODERS: dict[str, Callable[[NDArray[Any], int], bytes]] = {
    JPEGExtended12Bit: lambda stored, bits: imagecodecs.jpeg8_encode(stored, level=95, bitspersample=bits),
    JPEGLossless: _lossless(6),
    JPEGLosslessSV1: _lossless(1),
    JPEGLSLossless: lambda stored, _: imagecodecs.jpegls_encode(stored),
    JPEGLSNearLossless: lambda stored, _: imagecodecs.jpegls_encode(stored, level=2),
    JPEG2000Lossless: lambda stored, bits: imagecodecs.jpeg2k_encode(
        stored, codecformat="j2k", reversible=True, bitspersample=bits
    ),
    JPEG2000: lambda stored, bits: imagecodecs.jpeg2k_encode(
        stored, codecformat="j2k", level=100, bitspersample=bits
    ),
    HTJ2KLossless: lambda stored, _: imagecodecs.htj2k_encode(stored, reversible=True),
    HTJ2KLosslessRPCL: lambda stored, _: imagecodecs.htj2k_encode(stored, reversible=True),
    HTJ2K: lambda stored, _: imagecodecs.htj2k_encode(stored),
}


def as_bytes(dataset: Dataset) -> bytes:
    """The file."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
