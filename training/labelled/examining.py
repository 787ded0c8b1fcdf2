"""What is looked at in an image before it joins the training data."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import NotACtSlice, RejectedImage
from core.image_files import Limits, read_file
from images.constants import Preprocessing
from images.decoding import GreyImage, decode
from images.dicom import dicom_patient
from images.noted import Noted
from images.preprocessing import preprocess
from training.labelled.label_table import Listed
from training.labelled.similarity import Signature, signature


@dataclass(frozen=True)
class Examined:
    """An image that can be trained on.

    `group` is the patient, where the table or DICOM names one; `study` and `position` (from feet to head)
    are what DICOM says of its study, in mm, or the table: the patient's one, and the number of the slice.
    `signature` is None where the finder of look-alikes, with its older preprocessing, finds no head.
    """

    path: Path
    label: str
    group: str | None
    sha256: str
    pixels_sha256: str
    signature: Signature | None
    study: str | None = None
    position: float | None = None


def examine(listed: Listed, limits: Limits, data: bytes | None = None) -> Examined:
    """Decode and preprocess one image; its bytes are read here unless they are given.

    Raises
    ------
    RejectedImage
        It cannot be read, or shows no head.
    """
    if data is None:
        data = read_file(listed.path, limits.max_file_mb)
    noted = Noted()
    image = decode(data, limits.max_pixels, noted)
    preprocess(image, Preprocessing())  # what training could not prepare is refused here
    study, position = (listed.group if listed.position is not None else None), listed.position
    if noted.place is not None:
        study, position = noted.place.study_uid, noted.place.position_mm
    return Examined(
        listed.path,
        listed.label,
        listed.group or dicom_patient(data),
        hashlib.sha256(data).hexdigest(),
        _pixels_sha256(image),
        _signature(image),
        study,
        position,
    )


def _signature(image: GreyImage) -> Signature | None:
    try:
        return signature(image)
    except NotACtSlice:
        return None


def examine_all(
    listed: Iterable[Listed], limits: Limits
) -> tuple[list[Examined], list[tuple[Path, RejectedImage]]]:
    """The images that can be trained on, and the files that cannot be, with the reason."""
    examined, unreadable = [], []
    for one in listed:
        try:
            examined.append(examine(one, limits))
        except RejectedImage as error:
            unreadable.append((one.path, error))
    return examined, unreadable


def _pixels_sha256(image: GreyImage) -> str:
    digest = hashlib.sha256(f"{image.shape} {image.dtype}".encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()
