"""What a DICOM file says that it is."""

from images.bounded import BoundedFile
from images.dicom import is_dicom


def says_ct(data: bytes) -> bool:
    """Whether a file that `images.decoding.decode` has accepted is DICOM of modality CT (PS3.3, C.7.3.1.1.1).

    Its pixels were Hounsfield units then: nothing else of that modality is decoded.
    """
    if not is_dicom(data):
        return False
    from pydicom import dcmread  # noqa: PLC0415 - only who reads DICOM pays for it

    dataset = dcmread(BoundedFile(data), stop_before_pixels=True, force=True, specific_tags=["Modality"])
    return bool(dataset.get("Modality") == "CT")
