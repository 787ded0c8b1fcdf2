"""What is no CT slice of a head says what it is, each with a code of its own."""

import re

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    CTImageStorage,
    EncapsulatedPDFStorage,
    EnhancedSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    MediaStorageDirectoryStorage,
    RTDoseStorage,
    RTPlanStorage,
    SecondaryCaptureImageStorage,
    XRayRadiationDoseSRStorage,
)

from core.errors import RejectedImage
from core.reasons import ReasonCode
from images.decoding import decode
from tests.dicom_files import HOUNSFIELD, as_bytes, ct_slice


def refusal_of(data: bytes) -> RejectedImage:
    with pytest.raises(RejectedImage) as refused:
        decode(data)
    return refused.value


def of_class(uid: UID, **elements: object) -> bytes:
    dataset = ct_slice(**elements)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = uid
    return as_bytes(dataset)


NO_PIXELS = {"PixelData": None, "Rows": None, "Columns": None}
CAPTURE = {"RescaleSlope": None, "RescaleIntercept": None, "ImageType": ["DERIVED", "SECONDARY"]}


@pytest.mark.parametrize(
    ("uid", "elements", "code", "words"),
    [
        (EnhancedSRStorage, {"Modality": "SR", **NO_PIXELS}, "document", "structured report"),
        (EncapsulatedPDFStorage, {"Modality": "DOC", **NO_PIXELS}, "document", "PDF"),
        (
            GrayscaleSoftcopyPresentationStateStorage,
            {"Modality": "PR", **NO_PIXELS},
            "document",
            "presentation state",
        ),
        (RTPlanStorage, {"Modality": "RTPLAN", **NO_PIXELS}, "document", "radiotherapy"),
        (RTDoseStorage, {"Modality": "RTDOSE"}, "other_modality", "another modality"),
        (XRayRadiationDoseSRStorage, {"Modality": "SR", **NO_PIXELS}, "dose_report", "dose report"),
        (
            SecondaryCaptureImageStorage,
            {**CAPTURE, "SeriesDescription": "Dose Report"},
            "dose_report",
            "dose report",
        ),
        (SecondaryCaptureImageStorage, {**CAPTURE, "Modality": "OT"}, "screenshot", "picture of a screen"),
        (
            SecondaryCaptureImageStorage,
            {**CAPTURE, "SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"},
            "screenshot",
            "picture of a screen",
        ),
        (CTImageStorage, {"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "screenshot", "picture"),
        (CTImageStorage, {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "scout", "scout view"),
        (CTImageStorage, {"BodyPartExamined": "CHEST"}, "other_body_part", r"\(CHEST\)"),
        (
            CTImageStorage,
            {"BodyPartExamined": "LSPINE", "StudyDescription": "Back"},
            "other_body_part",
            "LSPINE",
        ),
        (MediaStorageDirectoryStorage, NO_PIXELS, "dicomdir", "directory of a CD"),
        (CTImageStorage, {"PixelData": None}, "no_image", "holds no image"),
    ],
)
def test_each_kind_has_its_code_and_says_what_to_do(
    uid: UID, elements: dict[str, object], code: str, words: str
) -> None:
    refused = refusal_of(of_class(uid, **elements))
    assert refused.reason.code == code
    assert re.search(rf"{words}.*Submit .*\.$", refused.reason.text)


@pytest.mark.parametrize(
    "elements",
    [
        *(
            {"BodyPartExamined": part}
            for part in ("HEAD", "", "BRAIN", "CSPINE", "HEADNECK", "UNKNOWN", "Kopf")
        ),
        *({"BodyPartExamined": part} for part in ("HEAD_CHEST", "WHOLEBODY", "CHESTNUT", "EAR")),
        {"BodyPartExamined": "CHEST", "StudyDescription": "CT Head without contrast"},
        {"BodyPartExamined": "ABDOMEN", "ProtocolName": "1.1 Schädel nativ"},
        {"BodyPartExamined": "CHEST", "SeriesDescription": "CCT 5mm"},
    ],
)
def test_what_may_be_a_head_is_read(elements: dict[str, object]) -> None:
    dataset = ct_slice()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    for name, value in elements.items():
        setattr(dataset, name, value)
    assert decode(as_bytes(dataset)).shape == HOUNSFIELD.shape


def test_a_slice_that_was_stored_as_a_capture_with_its_hounsfield_units_and_plane_is_read() -> None:
    data = of_class(SecondaryCaptureImageStorage, ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    np.testing.assert_array_equal(decode(data), decode(as_bytes(ct_slice())))


def test_encrypted_attributes_are_no_hindrance_where_the_pixels_are_not() -> None:
    item = Dataset()
    item.EncryptedContentTransferSyntaxUID, item.EncryptedContent = "1.2.840.10008.1.2.1", bytes(64)
    dataset = ct_slice(EncryptedAttributesSequence=Sequence([item]))
    np.testing.assert_array_equal(decode(as_bytes(dataset)), decode(as_bytes(ct_slice())))
    del dataset.PixelData
    assert refusal_of(as_bytes(dataset)).reason.code == ReasonCode.ENCRYPTED


@pytest.mark.parametrize("length", ["80", "82012c", "83012c00"])
def test_a_secure_dicom_file_is_encrypted(length: str) -> None:
    data = bytes.fromhex(f"30{length}06092a864886f70d010703a080") + bytes(300)
    refused = refusal_of(data)
    assert refused.reason.code == ReasonCode.ENCRYPTED
    assert re.search("encrypted.*without a password", refused.reason.text)
