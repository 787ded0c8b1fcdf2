"""From a DICOM file with one CT slice to a grey array, or to the reason why not.

Clauses are those of the DICOM standard: https://dicom.nema.org/medical/dicom/current/output/html/
"""

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import SeveralFrames, UnreadableImage
from images.dicom_file import IDENTIFIERS, damage, damaged, is_dicom, read_dataset
from images.dicom_kind import check_kind, check_slice
from images.dicom_pixels import hounsfield_of, loss_of, padding_of, rescale_of, stored_values
from images.dicom_place import place_of
from images.dicom_plane import Directions, in_standard_view, in_true_proportions, pixel_side_of, plane_of
from images.dicom_remarks import remarks_of
from images.hounsfield import check_air, lost_signs
from images.noted import Noted
from images.size import check_size

if TYPE_CHECKING:
    from pydicom import Dataset

WINDOW_CENTRE, WINDOW_WIDTH = 40.0, 80.0
"""HU; the usual brain window, also of the images that the network is trained on."""
_AIR = -1000.0
"""HU; as what padding is shown."""
_PLACEHOLDERS = {"", "0", "ANON", "ANONYMOUS", "ANONYMIZED", "NONE", "NA", "N/A", "UNKNOWN"}
"""What stands for a patient in files without one; as a group it would join strangers."""
_SALT = b"headct: patient of a DICOM file"


def decode_dicom(data: bytes, max_pixels: int, noted: Noted) -> NDArray[np.uint8]:
    """Decode one CT slice and show it in the brain window.

    Parameters
    ----------
    data
        The whole file, which `is_dicom`.
    max_pixels
        Greatest width x height; checked on the header, before any pixel is decoded.
    noted
        Takes where the slice belongs, a sentence where its pixels were compressed with loss, and on what is
        unusual of the acquisition (`images.dicom_remarks`).

    Returns
    -------
    uint8 (height, width)
        0 at 0 HU and less, 255 at 80 HU and more, in the standard view and in square pixels. Padding outside
        the field of view is 0, like air. MONOCHROME1 changes nothing: it says how a display shows the values
        (PS3.3, C.7.6.3.1.2), not what they measure.

    Raises
    ------
    UnreadableImage
        Damaged, without an image, of many frames, or in a compression that cannot be decoded.
    ImageTooLarge, ImageTooSmall
    NotACtSlice
        Another modality, a scout view, not axial, colour, or values that are not Hounsfield units.
    """
    dataset = read_dataset(data)
    try:
        if int(dataset.get("NumberOfFrames") or 1) > 1:
            raise SeveralFrames
        return shown_slice(dataset, max_pixels, noted)
    except damage():
        raise damaged() from None  # the cause quotes the file, which may name the patient


class Measured(NamedTuple):
    """An image to be looked at through any window.

    Attributes
    ----------
    values
        (height, width), turned and in proportion as `decode_dicom` gives it: int16 in HU of a CT slice, where
        padding is air; else uint8, black to white.
    pixel_mm
        Side of a pixel, where the file says it.
    """

    values: NDArray[np.int16] | NDArray[np.uint8]
    pixel_mm: float | None


def measured_dicom(data: bytes, max_pixels: int) -> Measured:
    """As `decode_dicom`, but in HU."""
    dataset = read_dataset(data)
    try:
        if int(dataset.get("NumberOfFrames") or 1) > 1:
            raise SeveralFrames
        return measured_slice(dataset, max_pixels)
    except damage():
        raise damaged() from None  # as above


def shown_slice(dataset: "Dataset", max_pixels: int, noted: Noted) -> NDArray[np.uint8]:
    """As `decode_dicom`, of a data set with the pixels of one slice; raises what pydicom does, besides."""
    hounsfield, padding, plane = _hounsfield(dataset, max_pixels, noted)
    shown = _in_brain_window(hounsfield, padding)
    return in_true_proportions(in_standard_view(shown, plane), dataset, plane, max_pixels)


def measured_slice(dataset: "Dataset", max_pixels: int) -> Measured:
    """As `shown_slice`, but in HU."""
    hounsfield, padding, plane = _hounsfield(dataset, max_pixels, Noted())
    hounsfield[padding] = _AIR
    held = np.iinfo(np.int16)
    values = np.clip(np.rint(hounsfield, out=hounsfield), held.min, held.max, out=hounsfield).astype(np.int16)
    values = in_true_proportions(in_standard_view(values, plane), dataset, plane, max_pixels)
    return Measured(values, pixel_side_of(dataset))


class _Hounsfield(NamedTuple):
    values: NDArray[np.float32]
    padding: NDArray[np.bool_]
    plane: Directions | None


def _hounsfield(dataset: "Dataset", max_pixels: int, noted: Noted) -> _Hounsfield:
    """What a slice measures, as it is stored: neither turned nor stretched."""
    noted.warnings += [*loss_of(dataset), *remarks_of(dataset)]
    noted.is_ct = dataset.get("Modality") == "CT"
    check_kind(dataset)
    noted.place = place_of(dataset)
    if noted.is_ct and noted.place is None:
        noted.warnings.append(
            "The file names no valid study and series: only a named folder puts it into a study."
        )
    check_slice(dataset)
    plane = plane_of(dataset)
    check_size(int(dataset.Columns), int(dataset.Rows), max_pixels)
    rescale = rescale_of(dataset)
    stored = stored_values(dataset)
    hounsfield = hounsfield_of(stored, rescale)
    padding = padding_of(dataset, stored)
    padding |= lost_signs(stored, hounsfield, padding)
    check_air(hounsfield, padding)
    return _Hounsfield(hounsfield, padding, plane)


def _in_brain_window(hounsfield: NDArray[np.float32], padding: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Grey of HU, which are changed in place."""
    shown = hounsfield
    shown -= np.float32(WINDOW_CENTRE - WINDOW_WIDTH / 2.0)
    shown *= np.float32(255.0 / WINDOW_WIDTH)
    grey = np.clip(np.rint(shown, out=shown), 0.0, 255.0, out=shown).astype(np.uint8)
    return np.asarray(np.where(padding, np.uint8(0), grey))


def dicom_patient(data: bytes) -> str | None:
    """A key that slices of one patient share, for a split that keeps them together.

    It is the salted SHA-256 of the patient's identifier, or of the study's or the series' where there is
    none. The identifier does not stand in it, but who can guess one can check the guess: treat the key as
    a pseudonym, not as anonymous.

    Returns None for what is no DICOM file, is damaged, or names none of them.
    """
    if not is_dicom(data):
        return None
    try:
        dataset = read_dataset(data)
        names = [str(dataset.get(name) or "").strip() for name in IDENTIFIERS]
    except UnreadableImage:
        return None
    except damage():
        return None
    patient, issuer, *others = names
    if patient.upper() not in _PLACEHOLDERS:
        others.insert(0, f"{issuer}\\{patient}")
    named = next((name for name in others if name), None)
    return hashlib.sha256(_SALT + named.encode()).hexdigest() if named else None
