"""The data set of a DICOM file: read within bounds, and without a word of what stands in it.

Clauses are those of the DICOM standard: https://dicom.nema.org/medical/dicom/current/output/html/
"""

import io
import logging
import struct
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from core.dicom_start import START, begins_as_dicom
from core.errors import ImageTooLarge, RejectedImage, UnreadableImage
from core.reasons import ReasonCode
from images.bounded import PARSER_ERRORS, BoundedFile, BoundedReader
from images.dicom_kind import ELEMENTS as KINDS
from images.dicom_place import PLACE_ELEMENTS
from images.dicom_remarks import ELEMENTS as REMARKED

if TYPE_CHECKING:
    from pydicom import Dataset

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
IDENTIFIERS = ("PatientID", "IssuerOfPatientID", "StudyInstanceUID", "SeriesInstanceUID")
_OFFSETS = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
_READ_ELEMENTS = (
    *IDENTIFIERS,
    *("Rows", "Columns", "NumberOfFrames", "PlanarConfiguration", "PixelRepresentation", "BitsAllocated"),
    *("BitsStored", "HighBit", "RescaleSlope", "RescaleIntercept", "PixelSpacing", "PixelAspectRatio"),
    *("ImageOrientationPatient", "PatientOrientation"),
    *("LossyImageCompression", "LossyImageCompressionRatio"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit", *_OFFSETS),
    *KINDS,
    *PLACE_ELEMENTS,
    *REMARKED,
)
"""Every element whose value is converted, here or by pydicom's decoders, but for the pixels."""
_MAX_READS = 50_000
"""Two for each element; a CT slice has some hundred elements, and each costs 20 microseconds."""
_MAX_READS_OF_FRAMES = 400_000
"""Each frame of enhanced CT has functional groups of 30 to 60 elements, which are read one by one where they
do not say their length. So many take 1 to 2 s."""
_NUMBER_OF_FRAMES = 0x00280008
_LONGEST_VALUE = 4096
"""Bytes; the standard allows 1024 in each of a few values (PS3.5, 6.2)."""


def is_dicom(data: bytes) -> bool:
    """Whether it begins as a DICOM file, with its preamble or without."""
    return begins_as_dicom(data[:START])


def read_dataset(data: bytes) -> "Dataset":
    """The data set of a file in memory.

    Raises
    ------
    UnreadableImage, ImageTooLarge
    """
    try:
        deflated = _DEFLATED in data[:_META_END]
        if deflated:
            data = _inflated(data)
        dataset = _parsed(BoundedFile(data, _MAX_READS))
        if deflated:
            _check_end(dataset, data)
        _check_short(dataset)
        _name_encoding(dataset)
    except damage():
        raise damaged() from None  # the cause quotes the file, which may name the patient
    return dataset


class Header(NamedTuple):
    """What stands before the pixels of a file, and where these are.

    Attributes
    ----------
    file
        That `pixels_at` counts in: the one that was read, or it inflated.
    pixels_length
        Bytes that are there; of compressed ones, all until the file's end.
    offsets
        Of the frames in them, as the extended table has them.
    """

    dataset: "Dataset"
    file: BinaryIO
    pixels_at: int
    pixels_length: int
    compressed: bool
    offsets: bytes | None


def read_header(file: BinaryIO) -> Header:
    """The data set of a file of several frames, but for its pixels, which are not read.

    Raises
    ------
    UnreadableImage, ImageTooLarge
    """
    try:
        file = _plain(file)
        dataset = _parsed(file, stop_before_pixels=True)
        at = file.tell()
        offsets = dataset.get_item(_OFFSETS[0])
        for name in _OFFSETS:
            if name in dataset:
                del dataset[name]
        _check_short(dataset)
        tag = file.read(12)
        implicit, little = dataset.original_encoding
        order = "<" if little else ">"
        if struct.unpack_from(f"{order}HH", tag) != (0x7FE0, 0x0010):
            raise UnreadableImage(
                ReasonCode.NO_IMAGE,
                "The DICOM file holds no image: it is only a header, or was cut off before its pixels. "
                "Submit the slices, whole.",
            )
        (length,) = struct.unpack_from(f"{order}L", tag, 4 if implicit else 8)
        at += 8 if implicit else 12
        compressed = length == _UNDEFINED_LENGTH
        there = file.seek(0, io.SEEK_END) - at
        _name_encoding(dataset, compressed=compressed)
        table = bytes(offsets.value or b"") if offsets is not None else None
        return Header(dataset, file, at, there if compressed else min(there, length), compressed, table)
    except damage():
        raise damaged() from None


def announced_frames(file: BinaryIO) -> int:
    """How many frames a file has, if it is DICOM and says so; 1 otherwise, also if it is damaged."""
    from pydicom.filereader import read_partial  # noqa: PLC0415 - only who reads DICOM pays for it

    file.seek(0)
    if not is_dicom(file.read(START)):
        return 1
    try:
        plain = _plain(file)
        try:
            dataset = read_partial(plain, stop_when=_is_behind_frames, force=True)
        finally:
            if isinstance(plain, BoundedReader):
                plain.detach()  # or it would close the file
        return int(dataset.get("NumberOfFrames") or 1)
    except RejectedImage:
        return 1
    except damage():
        return 1


def _is_behind_frames(tag: int, *_: object) -> bool:
    return tag > _NUMBER_OF_FRAMES


def _plain(file: BinaryIO) -> "BoundedFile | BoundedReader":
    """The file from its begin on, within bounds; inflated if need be."""
    file.seek(0)
    deflated = _DEFLATED in file.read(_META_END)
    file.seek(0)
    if deflated:
        return BoundedFile(_inflated(file.read()), _MAX_READS_OF_FRAMES)
    return BoundedReader(file, _MAX_READS_OF_FRAMES)


def _parsed(file: "BoundedFile | BoundedReader", **how: Any) -> "Dataset":  # noqa: ANN401 - options of pydicom
    from pydicom import dcmread  # noqa: PLC0415 - only who reads DICOM pays for it

    logging.getLogger("pydicom").setLevel(logging.CRITICAL)  # its warnings quote values, such as names
    dataset = dcmread(file, force=True, **how)
    if len(dataset) == 0:  # bytes that are no elements are read as none
        raise damaged()
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


def _name_encoding(dataset: "Dataset", *, compressed: bool | None = None) -> None:
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
    if compressed is None:
        pixels = dataset.get_item("PixelData")
        compressed = pixels is not None and pixels.length == _UNDEFINED_LENGTH
    if compressed:
        raise UnreadableImage(
            ReasonCode.UNSUPPORTED,
            "The DICOM file does not say how its image is compressed (transfer syntax). Export it again, "
            "uncompressed (Explicit VR Little Endian).",
        )
    implicit, little = dataset.original_encoding
    explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit


def damage() -> tuple[type[Exception], ...]:
    """What pydicom raises on bytes that are no data set, when reading or, later, when converting them."""
    from pydicom.errors import BytesLengthException  # noqa: PLC0415 - as in `_read`

    return (*PARSER_ERRORS, BytesLengthException)


def damaged() -> UnreadableImage:
    """The error for a file that cannot be decoded."""
    return UnreadableImage(
        ReasonCode.DAMAGED,
        "The DICOM file is truncated or damaged: it cannot be decoded. Copy or export it again.",
    )
