"""From a DICOM file with one CT slice to a grey array, or to the reason why not.

Clauses are those of the DICOM standard: https://dicom.nema.org/medical/dicom/current/output/html/
"""

import hashlib
import logging
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.dicom_start import START, begins_as_dicom
from core.errors import ImageTooLarge, UnreadableImage
from core.reasons import ReasonCode
from images.bounded import PARSER_ERRORS, BoundedFile
from images.dicom_kind import ELEMENTS as KINDS
from images.dicom_kind import check_kind, check_slice
from images.dicom_pixels import hounsfield_of, loss_of, padding_of, rescale_of, stored_values
from images.dicom_place import PLACE_ELEMENTS, place_of
from images.dicom_plane import in_standard_view, in_true_proportions, plane_of
from images.dicom_remarks import ELEMENTS as REMARKED
from images.dicom_remarks import remarks_of
from images.hounsfield import check_air, lost_signs
from images.noted import Noted
from images.size import check_size

if TYPE_CHECKING:
    from pydicom import Dataset

WINDOW_CENTRE, WINDOW_WIDTH = 40.0, 80.0
"""HU; the usual brain window, also of the images that the network is trained on."""
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_EXPLICIT = b"1.2.840.10008.1.2.1"
_META_END = 4096
_MAGIC, _MAGIC_AT = b"DICM", 128
_GROUP_LENGTH = b"\x02\0\0\0UL\x04\0"
"""The first element of the meta information, in explicit VR (PS3.10, 7.1)."""
_LAST_TAGS = (b"\xfa\xff\xfa\xff", b"\xfc\xff\xfc\xff")
"""Digital signatures and padding: what may follow the pixels (PS3.3, C.12.1.1.3, and PS3.10, 7.2)."""
_MOST_INFLATED = 64 * 2**20
"""Bytes; 20 million pixels of 16 bits have 40 MB."""
_UNDEFINED_LENGTH = 0xFFFFFFFF
"""Of pixels in fragments, as all that are compressed (PS3.5, A.4)."""
_PLACEHOLDERS = {"", "0", "ANON", "ANONYMOUS", "ANONYMIZED", "NONE", "NA", "N/A", "UNKNOWN"}
"""What stands for a patient in files without one; as a group it would join strangers."""
_IDENTIFIERS = ("PatientID", "IssuerOfPatientID", "StudyInstanceUID", "SeriesInstanceUID")
_READ_ELEMENTS = (
    *_IDENTIFIERS,
    *("Rows", "Columns", "NumberOfFrames", "PlanarConfiguration", "PixelRepresentation", "BitsAllocated"),
    *("BitsStored", "HighBit", "RescaleSlope", "RescaleIntercept", "PixelSpacing", "PixelAspectRatio"),
    *("ImageOrientationPatient", "PatientOrientation"),
    *("LossyImageCompression", "LossyImageCompressionRatio"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit", "ExtendedOffsetTable", "ExtendedOffsetTableLengths"),
    *KINDS,
    *PLACE_ELEMENTS,
    *REMARKED,
)
"""Every element whose value is converted, here or by pydicom's decoders, but for the pixels."""
_MAX_READS = 50_000
"""Two for each element; a CT slice has some hundred elements, and each costs 20 microseconds."""
_LONGEST_VALUE = 4096
"""Bytes; the standard allows 1024 in each of a few values (PS3.5, 6.2)."""
_SALT = b"headct: patient of a DICOM file"


def is_dicom(data: bytes) -> bool:
    """Whether it begins as a DICOM file, with its preamble or without."""
    return begins_as_dicom(data[:START])


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
    dataset = _read(data)
    try:
        noted.warnings += [*loss_of(dataset), *remarks_of(dataset)]
        noted.is_ct = dataset.get("Modality") == "CT"
        check_kind(dataset)
        noted.place = place_of(dataset)
        check_slice(dataset)
        if int(dataset.get("NumberOfFrames") or 1) > 1:
            raise UnreadableImage(
                ReasonCode.MULTI_FRAME,
                "The DICOM file holds many frames. Export every slice as a file of its own (classic CT).",
            )
        plane = plane_of(dataset)
        check_size(int(dataset.Columns), int(dataset.Rows), max_pixels)
        rescale = rescale_of(dataset)
        stored = stored_values(dataset)
        hounsfield = hounsfield_of(stored, rescale)
        padding = padding_of(dataset, stored)
        padding |= lost_signs(stored, hounsfield, padding)
        check_air(hounsfield, padding)
        shown = _in_brain_window(hounsfield, padding)
        return in_true_proportions(in_standard_view(shown, plane), dataset, plane, max_pixels)
    except _damage():
        raise _damaged() from None  # the cause quotes the file, which may name the patient


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
        dataset = _read(data)
        names = [str(dataset.get(name) or "").strip() for name in _IDENTIFIERS]
    except UnreadableImage:
        return None
    except _damage():
        return None
    patient, issuer, *others = names
    if patient.upper() not in _PLACEHOLDERS:
        others.insert(0, f"{issuer}\\{patient}")
    named = next((name for name in others if name), None)
    return hashlib.sha256(_SALT + named.encode()).hexdigest() if named else None


def _read(data: bytes) -> "Dataset":
    from pydicom import dcmread  # noqa: PLC0415 - only who reads DICOM pays for it

    logging.getLogger("pydicom").setLevel(logging.CRITICAL)  # its warnings quote values, such as names
    try:
        deflated = _DEFLATED in data[:_META_END]
        if deflated:
            data = _inflated(data)
        dataset = dcmread(BoundedFile(data, _MAX_READS), force=True)
        if len(dataset) == 0:  # bytes that are no elements are read as none
            raise _damaged()
        if deflated:
            _check_end(dataset, data)
        _check_short(dataset)
        _name_encoding(dataset)
    except _damage():
        raise _damaged() from None  # the cause quotes the file, which may name the patient
    return dataset


def _inflated(data: bytes) -> bytes:
    """A file that is deflated as a whole (PS3.5, A.5) as one that is not; pydicom would know no bound.

    Raises
    ------
    ImageTooLarge
    ValueError, struct.error
        The group of its meta information does not say where it ends, or what is deflated ends before.
    """
    begins = _MAGIC_AT + len(_MAGIC) if data.startswith(_MAGIC, _MAGIC_AT) else 0
    group, length = struct.unpack_from("<8sI", data, begins)
    if group != _GROUP_LENGTH:
        raise ValueError("no length of the meta information")
    end = begins + struct.calcsize("<8sI") + length
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflating.decompress(data[end:], _MOST_INFLATED)
    if inflating.unconsumed_tail:
        raise ImageTooLarge(
            ReasonCode.TOO_COMPLEX,
            f"The DICOM file is deflated and unpacks to more than {_MOST_INFLATED // 2**20} MiB. Export the "
            "slice uncompressed (Explicit VR Little Endian).",
        )
    if not inflating.eof:
        raise ValueError("the deflated data set is cut off")
    plain = data[:end].replace(_DEFLATED, _EXPLICIT.ljust(len(_DEFLATED), b"\0"))
    return plain + inflated


def _check_end(dataset: "Dataset", data: bytes) -> None:
    """Refuse pixels that are not the last: deflate has no checksum, but damage changes how much it gives."""
    pixels = dataset.get_item("PixelData")
    if pixels is not None:
        rest = data[pixels.value_tell + pixels.length :]
        if rest and not rest.startswith(_LAST_TAGS):
            raise ValueError("the pixels are not the last")


def _check_short(dataset: "Dataset") -> None:
    """Refuse long values and sequences where numbers and words must be: pydicom would convert them all."""
    for name in _READ_ELEMENTS:
        element = dataset.get_item(name)  # not converted yet
        if element is not None and (element.VR == "SQ" or len(element.value or b"") > _LONGEST_VALUE):
            raise ValueError("a value is too long")


def _name_encoding(dataset: "Dataset") -> None:
    """Where the file does not say its transfer syntax, give it that by which its elements could be read.

    It is one of the three that the standard has for pixels that are not compressed (PS3.5, 10.1 and A).

    Raises
    ------
    UnreadableImage
        The pixels are compressed: nothing says how.
    """
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian  # noqa: PLC0415

    if "TransferSyntaxUID" in dataset.file_meta:
        return
    pixels = dataset.get_item("PixelData")
    if pixels is not None and pixels.length == _UNDEFINED_LENGTH:
        raise UnreadableImage(
            ReasonCode.UNSUPPORTED,
            "The DICOM file does not say how its image is compressed (transfer syntax). Export it again, "
            "uncompressed (Explicit VR Little Endian).",
        )
    implicit, little = dataset.original_encoding
    explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit


def _damage() -> tuple[type[Exception], ...]:
    """What pydicom raises on bytes that are no data set, when reading or, later, when converting them."""
    from pydicom.errors import BytesLengthException  # noqa: PLC0415 - as in `_read`

    return (*PARSER_ERRORS, BytesLengthException)


def _damaged() -> UnreadableImage:
    return UnreadableImage(
        ReasonCode.DAMAGED,
        "The DICOM file is truncated or damaged: it cannot be decoded. Copy or export it again.",
    )
