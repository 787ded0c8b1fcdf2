"""Many distinct DICOM files of one CT slice each, 512 x 512 and uncompressed, in studies, made quickly."""

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
_AIR = -1000.0
_ROOT = "1.2.826.0.1.3680043.8.498."  # pydicom's, for UIDs that stand for nothing
_FIRST = 10**19  # so that all have the same length
_STUDY, _POSITION = "1" * 20, "+000001.00"
SLICES = 300
"""Of a study."""


class DicomSource(FileSource):
    """Files of Explicit VR Little Endian, so many of each study after the other."""

    suffix = ".dcm"

    def __init__(self) -> None:
        kinds: list[Bleed | None] = [None, *Bleed]
        super().__init__(
            [
                _as_file(generate_image(index, kinds[index % len(kinds)], (_SIDE, _SIDE)).image)
                for index in range(_DRAWN)
            ]
        )

    def begin_study(self) -> None:
        """The next file is the first of a study."""
        self._given = -(-self._given // SLICES) * SLICES

    def _distinct(self, data: bytes, number: int) -> bytes:
        study, place = divmod(number - 1, SLICES)
        placed = data.replace(_uid(0).encode(), _uid(number).encode())
        placed = placed.replace(_STUDY.encode(), str(2 * _FIRST + study).encode())
        return placed.replace(_POSITION.encode(), f"{place:+010.2f}".encode())


def _uid(number: int) -> str:
    return f"{_ROOT}{_FIRST + number}"


def _as_file(grey: NDArray[np.uint8]) -> bytes:
    hounsfield = np.where(grey == 0, _AIR, np.rint(grey * (_WINDOW_WIDTH / 255.0)))
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = _uid(0)
    dataset.StudyInstanceUID = dataset.PatientID = f"{_ROOT}{_STUDY}"
    dataset.SeriesInstanceUID = f"{_ROOT}{_STUDY}.2"
    dataset.NumberOfStudyRelatedInstances = SLICES
    dataset.SliceThickness, dataset.ConvolutionKernel, dataset.PatientPosition = "5.0", "STANDARD", "HFS"
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.ImagePositionPatient = ["0", "0", _POSITION]
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
