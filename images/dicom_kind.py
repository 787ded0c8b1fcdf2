"""What a DICOM file says that it is: refuses all that is no CT slice of a head in grey.

Clauses are those of the DICOM standard: https://dicom.nema.org/medical/dicom/current/output/html/
"""

import re
from typing import TYPE_CHECKING

from core.errors import NotACtSlice, RejectedImage, UnreadableImage
from core.reasons import ReasonCode
from images.dicom_numbers import raw_text

if TYPE_CHECKING:
    from pydicom import Dataset

_HOUNSFIELD = ("HU", "HU_MOD", "US")
"""Rescale types of CT (PS3.3, C.11.1.1.2); US is unspecified, which some software writes for HU."""
_DIRECTORY = "1.2.840.10008.1.3.10"
_STORAGE = "1.2.840.10008.5.1.4.1.1."
"""Start of the SOP classes of all that is stored (PS3.4, B.5)."""
_DOSE = (f"{_STORAGE}88.67", f"{_STORAGE}88.73", f"{_STORAGE}88.76")
_DOCUMENTS = {
    "88": "a structured report",
    "104": "a document (such as PDF)",
    "11": "a presentation state",
    "481": "of radiotherapy",
    "9": "a recorded signal",
    "66": "raw data, or positions",
}
"""By what follows in the SOP class: what holds no picture."""
_DOCUMENT_MODALITIES = {"SR", "DOC", "PR", "KO", "RTSTRUCT", "RTPLAN", "RTRECORD", "REG", "PLAN", "AU", "ECG"}
_SECONDARY_CAPTURE = f"{_STORAGE}7"
_DOSE_WORDS = re.compile(r"DOSE (REPORT|INFO|SUMMARY|RECORD|SHEET)|(PATIENT|EXAM) PROTOCOL|DOSEINFO")
_OTHER_PARTS = re.compile(
    r"\b(CHEST|THORAX|THORACIC|LUNGS?|HEART|CARDIAC|CORONARY|CORONARIES|ABDOMEN|ABD|PELVIS|LIVER|KIDNEYS?|PANCREAS|"
    r"SPLEEN|COLON|BLADDER|PROSTATE|UTERUS|BREAST|[TLS]-?SPINE|TLSPINE|LUMBAR|SACRUM|COCCYX|HIPS?|LEGS?|KNEES?|"
    r"THIGH|FEMUR|TIBIA|ANKLES?|FOOT|FEET|TOE|CALCANEUS|ARMS?|HUMERUS|ELBOWS?|FOREARM|WRISTS?|HANDS?|FINGER|"
    r"SHOULDERS?|CLAVICLE|SCAPULA|RIBS?|STERNUM|EXTREMITY|UPPER EXTREMITY|LOWER EXTREMITY)\b"
)
"""Defined terms of Body Part Examined (PS3.16, annex L) that are certainly no head."""
_HEAD = re.compile(
    r"HEAD|BRAIN|SKULL|CRAN|CEREB|NEURO|ENCEPH|ENCEF|FACE|FACIAL|MAXILL|MANDIB|SINUS|ORBIT|TEMPORAL|PETROUS|MASTOID|"
    r"\bEARS?\b|SELLA|PITUIT|NECK|C-? ?SPINE|CERVIC|KOPF|SCH..?D|HIRN|\bN?CCT\b|\bT(E|..?)TE\b|CABE|TESTA|"
    r"STROKE|HUVUD|HOVED|HLAV|WHOLE ?BODY|POLYTRAUMA"
)
"""A word of one of these anywhere in the descriptions lets pass: one in seven body parts is written wrongly
(Gueld et al. 2002, doi:10.1117/12.467017), mostly by a protocol's preset."""
_ENVELOPED_DATA = bytes.fromhex("06092a864886f70d010703")
"""Object identifier in the first bytes of a Secure DICOM File (PS3.10, 7.4; RFC 5652, 6), in DER or BER."""
ELEMENTS = (
    *("SOPClassUID", "BodyPartExamined", "StudyDescription", "SeriesDescription", "ProtocolName"),
    *("Modality", "ImageType", "PhotometricInterpretation", "SamplesPerPixel", "RescaleType"),
)
"""That are looked at."""


def check_kind(dataset: "Dataset") -> None:
    """Refuse what is of no head CT: another kind of object, a modality or a part of the body.

    Raises
    ------
    UnreadableImage
        It holds no picture.
    NotACtSlice
    """
    sop_class = raw_text(dataset, "SOPClassUID") or str(
        dataset.file_meta.get("MediaStorageSOPClassUID") or ""
    )
    if sop_class == _DIRECTORY or "DirectoryRecordSequence" in dataset:
        raise UnreadableImage(
            ReasonCode.DICOMDIR,
            "The file is the directory of a CD (DICOMDIR), not an image. Submit the folder that it lies in.",
        )
    modality = str(dataset.get("Modality") or "")
    if not _has_image(dataset):
        _check_document(dataset, sop_class, modality)
    else:
        _check_capture(dataset, sop_class)
    if modality and modality != "CT":
        named = f" ({modality})" if modality.isalnum() and len(modality) <= 4 else ""
        raise NotACtSlice(
            ReasonCode.OTHER_MODALITY,
            f"The DICOM file is of another modality{named}. Submit axial slices of a head CT.",
        )
    _check_body_part(dataset)


def check_slice(dataset: "Dataset") -> None:
    """Refuse what is of a head CT, but no slice in grey.

    Raises
    ------
    UnreadableImage
        It holds no picture.
    NotACtSlice
    """
    if not _has_image(dataset):
        raise UnreadableImage(
            ReasonCode.NO_IMAGE,
            "The DICOM file holds no image: it is only a header, or was cut off before its pixels. "
            "Submit the slices, whole.",
        )
    if re.search("LOCALIZER|SCOUT|TOPOGRAM", str(dataset.get("ImageType")).upper()):
        raise NotACtSlice(
            ReasonCode.SCOUT, "The DICOM file is a scout view. Submit the axial slices of the series."
        )
    photometric = dataset.get("PhotometricInterpretation")
    if photometric not in ("MONOCHROME1", "MONOCHROME2") or int(dataset.get("SamplesPerPixel") or 1) != 1:
        raise NotACtSlice(
            ReasonCode.IN_COLOUR,
            "The DICOM file is not in grey, as reports and screenshots are. Submit the original slices.",
        )
    if str(dataset.get("RescaleType") or "HU").strip() not in _HOUNSFIELD:
        raise NotACtSlice(
            ReasonCode.NOT_HOUNSFIELD,
            "The DICOM file's values are not Hounsfield units. Submit the original slices.",
        )


def _has_image(dataset: "Dataset") -> bool:
    return bool("PixelData" in dataset and dataset.get("Rows") and dataset.get("Columns"))


def _check_document(dataset: "Dataset", sop_class: str, modality: str) -> None:
    """Refuse what is meant to be without a picture, and what hides it."""
    if sop_class in _DOSE:
        raise _dose_report()
    if "EncryptedAttributesSequence" in dataset:
        raise encrypted()
    kind = sop_class.removeprefix(_STORAGE).partition(".")[0] if sop_class.startswith(_STORAGE) else ""
    if kind in _DOCUMENTS or modality in _DOCUMENT_MODALITIES:
        raise UnreadableImage(
            ReasonCode.DOCUMENT,
            f"The DICOM file is {_DOCUMENTS.get(kind, 'a report')}, without an image. "
            "Submit the axial slices.",
        )


def is_encrypted(data: bytes) -> bool:
    """Whether it is a Secure DICOM File, or any other message that was encrypted in that way."""
    return data.startswith(b"\x30") and data.find(_ENVELOPED_DATA, 0, 32) >= 0


def encrypted() -> RejectedImage:
    """The error for a file that nobody reads without a key."""
    return UnreadableImage(
        ReasonCode.ENCRYPTED, "The file is encrypted. Export the slices again, without a password or key."
    )


def _check_capture(dataset: "Dataset", sop_class: str) -> None:
    """Refuse pictures of a screen; a slice that was stored as one and has its HU and its plane is none."""
    captured = sop_class == _SECONDARY_CAPTURE or sop_class.startswith(f"{_SECONDARY_CAPTURE}.")
    saved = re.search("SCREEN ?SAVE|SCREENSHOT", str(dataset.get("ImageType")).upper())
    is_slice = "RescaleIntercept" in dataset and "ImageOrientationPatient" in dataset
    if saved or (captured and not is_slice):
        if _DOSE_WORDS.search(_descriptions(dataset)):
            raise _dose_report()
        raise NotACtSlice(
            ReasonCode.SCREENSHOT,
            "The DICOM file is a picture of a screen (secondary capture), without Hounsfield units. "
            "Submit the original slices.",
        )


def _dose_report() -> RejectedImage:
    return NotACtSlice(
        ReasonCode.DOSE_REPORT, "The DICOM file is a dose report. Submit the axial slices of the study."
    )


def _check_body_part(dataset: "Dataset") -> None:
    part = raw_text(dataset, "BodyPartExamined").upper()
    found = _OTHER_PARTS.search(part.replace("_", " "))
    if found and not _HEAD.search(f"{part} {_descriptions(dataset)}"):
        raise NotACtSlice(
            ReasonCode.OTHER_BODY_PART,
            f"The DICOM file says that it shows another part of the body ({found[0]}). "
            "Submit axial slices of a head CT.",
        )


def _descriptions(dataset: "Dataset") -> str:
    names = ("SeriesDescription", "StudyDescription", "ProtocolName", "ImageType")
    return " ".join(raw_text(dataset, name) for name in names).upper().replace("_", " ")
