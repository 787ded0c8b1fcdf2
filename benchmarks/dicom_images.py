"""Many distinct DICOM files of one CT slice each, 512 x 512 and uncompressed, made quickly."""

import io

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from benchmarks.images import FileSource
from training.phantoms.bleeds import Bleed
from training.phantoms.synthetic import generate_image

_DRAWN, _SIDE = 40, 512
_WINDOW_WIDTH = 80.0  # HU, from 0 on: the brain window shows the slice as it was drawn
_INTERCEPT = -1024
_ROOT = "1.2.826.0.1.3680043.8.498."  # pydicom's, for UIDs that stand for nothing
_FIRST = 10**19  # so that all have the same length


class DicomSource(FileSource):
    """Files of Explicit VR Little Endian that differ in their SOP instance UID."""

    suffix = ".dcm"

    def __init__(self) -> None:
        kinds: list[Bleed | None] = [None, *Bleed]
        super().__init__(
            [
                _as_file(generate_image(index, kinds[index % len(kinds)], (_SIDE, _SIDE)).image)
                for index in range(_DRAWN)
            ]
        )

    def _distinct(self, data: bytes, number: int) -> bytes:
        return data.replace(_uid(0).encode(), _uid(number).encode())


def _uid(number: int) -> str:
    return f"{_ROOT}{_FIRST + number}"


def _as_file(grey: NDArray[np.uint8]) -> bytes:
    hounsfield = np.rint(grey * (_WINDOW_WIDTH / 255.0))
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = _uid(0)
    dataset.Modality, dataset.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.Rows, dataset.Columns = grey.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 0
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, _INTERCEPT
    dataset.PixelData = (hounsfield - _INTERCEPT).astype("<u2").tobytes()
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()
