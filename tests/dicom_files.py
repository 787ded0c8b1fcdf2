"""Small DICOM files for tests."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEG2000Lossless, generate_uid

HOUNSFIELD = np.tile(np.arange(-48, 112, 2, dtype=np.int16), (72, 1))
"""A ramp of -48 to 110 HU, (72, 80)."""


def ct_slice(stored: NDArray[np.integer] = HOUNSFIELD, **elements: object) -> Dataset:
    """A CT slice of these stored values, with these elements set or, where None, taken out."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = generate_uid()
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


def slice_that_shows(grey: NDArray[np.uint8]) -> bytes:
    """A file that the brain window (0 to 80 HU) shows as that image, in whole HU."""
    return as_bytes(ct_slice(np.rint(grey * (80.0 / 255.0)).astype(np.int16)))


def compressed_slice(syntax: str) -> Dataset:
    """The ramp, stored in a lossless transfer syntax."""
    dataset = ct_slice((HOUNSFIELD + 1024).astype(np.uint16), RescaleIntercept=-1024)
    if syntax == JPEG2000Lossless:  # pydicom itself writes it only with a package that reading does not need
        buffer = io.BytesIO()
        Image.fromarray(dataset.pixel_array).save(buffer, "JPEG2000", irreversible=False, no_jp2=True)
        dataset.PixelData = encapsulate([buffer.getvalue()])
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset["PixelData"].VR = "OB"
    else:
        dataset.compress(syntax, generate_instance_uid=False)
    return dataset


def as_bytes(dataset: Dataset) -> bytes:
    """The file."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
