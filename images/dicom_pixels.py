"""The pixels of a DICOM data set: as they are stored, in Hounsfield units (HU), and which are padding.

Clauses are those of the DICOM standard: https://dicom.nema.org/medical/dicom/current/output/html/
"""

import math
import re
import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import NotACtSlice, UnreadableImage
from core.reasons import ReasonCode
from images.codestream import check_complete, check_scans, frame_shape
from images.dicom_numbers import numbers_of
from images.jpeg import jpeg_pixels

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

_UNCOMPRESSED = tuple(
    f"1.2.840.10008.1.2{kind}" for kind in ("", ".1", ".1.99", ".2")
)  # PS3.5, A.1 to A.3 and A.5
_RUN_LENGTH_ENCODED = "1.2.840.10008.1.2.5"
_JPEG_2000 = tuple(f"1.2.840.10008.1.2.4.{kind}" for kind in (90, 91, 201, 202, 203))  # from 201: HTJ2K
_JPEG_WITH_LOSS = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")  # baseline, and extended
_WITH_LOSS = (*_JPEG_WITH_LOSS, "1.2.840.10008.1.2.4.81")
"""Also near-lossless JPEG-LS. JPEG 2000 (.91) may be either."""
_CODESTREAMS = "1.2.840.10008.1.2.4."
"""Start of the identifiers of all JPEG, JPEG-LS and JPEG 2000 transfer syntaxes."""

_RUN_LENGTHS = re.compile(r"RLE segment .* (\d+) vs\. (\d+) bytes")
_ITEM = b"\xfe\xff\x00\xe0"  # before each fragment: PS3.5, A.4
_MAX_FRAGMENTS = 10_000
_MAX_COMPRESSED_BYTES = 8 * 2**20
"""JPEG 2000 takes 0.2 s for each MiB, RLE 0.3; a slice of 2048 x 2048 has up to 8 MiB before compression."""


class Rescale(NamedTuple):
    """From stored values to HU (PS3.3, C.11.1.1.2)."""

    slope: float
    intercept: float


_RESCALE = ("RescaleSlope", "RescaleIntercept")
_GREATEST_RESCALE = 1e6


class Stored(NamedTuple):
    """Integers (height, width): the words that hold the pixels, and of these the bits that are used."""

    words: NDArray[np.integer]
    values: NDArray[np.integer]
    lost_sign: int | None = None
    """Words from here on have all unused bits set."""


def loss_of(dataset: "Dataset") -> Iterator[str]:
    """A sentence on compression with loss, if the file says (PS3.3, C.7.6.1.1.5) or shows that there was."""
    if dataset.get("LossyImageCompression") == "01" or dataset.file_meta.TransferSyntaxUID in _WITH_LOSS:
        total = 0.0
        with suppress(ValueError, TypeError, OverflowError):
            ratios = numbers_of(dataset, "LossyImageCompressionRatio")
            total = math.prod(ratios)  # one for each time that it was compressed
        by = f" by {total:.0f}:1" if 1.5 <= total < 1e6 else ""
        yield f"The image was compressed with loss{by}, which can change the result. Submit the original."


def rescale_of(dataset: "Dataset") -> Rescale:
    """How its values become HU.

    Raises
    ------
    NotACtSlice
        Slope and intercept are not there, or are no numbers. Nothing is guessed: every HU hangs on them.
    """
    rescale = Rescale(0.0, 0.0)
    with suppress(ValueError):
        (slope,), (intercept,) = (numbers_of(dataset, name) for name in _RESCALE)
        rescale = Rescale(slope, intercept)
    if rescale.slope == 0.0 or max(map(abs, rescale)) > _GREATEST_RESCALE:
        raise NotACtSlice(
            ReasonCode.NOT_HOUNSFIELD,
            "The DICOM file does not say by numbers how its values become Hounsfield units (rescale slope "
            "and intercept). Submit the original slices.",
        )
    return rescale


def stored_values(dataset: "Dataset") -> Stored:
    """Decode the pixels, of which the tags say which bits are theirs (PS3.5, 8.1.1)."""
    from pydicom.pixels import pixel_array  # noqa: PLC0415 - only who reads DICOM pays for it

    allocated, used = int(dataset.BitsAllocated), int(dataset.BitsStored)
    high = int(dataset.get("HighBit", used - 1))
    if not 0 < used <= high + 1 <= allocated:
        raise ValueError("the bits that are stored are not among those that are allocated")
    held, signed = allocated, False
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax not in _UNCOMPRESSED:
        held, signed = _check_compressed(dataset)
    if held > used:
        dataset.BitsStored, dataset.HighBit = allocated, allocated - 1  # pydicom does not heed the high bit
    with warnings.catch_warnings(record=True) as told:  # pydicom says it in no other way
        warnings.simplefilter("always")
        words: NDArray[np.integer] = pixel_array(dataset)
    if any(_is_too_long(str(warning.message)) for warning in told):
        raise ValueError("runs go on behind the image")
    if words.shape != (dataset.Rows, dataset.Columns):
        raise ValueError("the pixels have another size than the data set says")
    if signed and words.dtype.kind == "u":  # though the data set says otherwise
        least = 2 ** (held - 1) if syntax in _JPEG_2000[:2] else 0  # from which Pillow counts
        words = (words.astype(np.int32) - least).astype(f"i{words.itemsize}")
    if held <= used and (held == allocated or words.dtype.kind == "u"):
        return Stored(words, words)
    unused = allocated - used
    signless = words.dtype.kind == "u" and high == used - 1 and unused > 1
    return Stored(words, _used_bits(words, used, high), (2**unused - 1) << used if signless else None)


def _check_compressed(dataset: "Dataset") -> tuple[int, bool]:
    """Refuse what cannot be decoded, or not in time; gives the bits of each pixel, and if one is a sign."""
    from pydicom.encaps import generate_frames  # noqa: PLC0415 - as in `stored_values`

    syntax, shape = dataset.file_meta.TransferSyntaxUID, (dataset.Rows, dataset.Columns)
    allocated = int(dataset.BitsAllocated)
    check_decoder(syntax)
    if len(dataset.PixelData) > _MAX_COMPRESSED_BYTES:
        raise UnreadableImage(
            ReasonCode.TOO_COMPLEX,
            f"The DICOM file's compressed image has more than {_MAX_COMPRESSED_BYTES // 2**20} MiB, which"
            " take too long to decode. Export it uncompressed (Explicit VR Little Endian).",
        )
    if syntax.startswith(_CODESTREAMS):
        if dataset.PixelData.count(_ITEM) > _MAX_FRAGMENTS:
            raise ValueError("the frame is cut into too many fragments")
        frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
        announced = frame_shape(frame)
        if announced[:3] != (*shape[::-1], 1):
            raise ValueError("the frame has another size than the data set says")
        check_scans(frame)
        if syntax in _JPEG_WITH_LOSS and announced.precision == 8:
            jpeg_pixels(frame, "L", shape[::-1])  # pydicom's decoder keeps to itself what it finds damaged
        elif syntax in (*_JPEG_2000, *_JPEG_WITH_LOSS):
            check_complete(frame)
        return announced.precision, announced.signed
    # Runs of one are at worst twice as long.
    if syntax == _RUN_LENGTH_ENCODED and len(dataset.PixelData) > shape[0] * shape[1] * allocated // 4 + 4096:
        raise ValueError("the frame holds more than the data set says")
    return allocated, False


def _is_too_long(told: str) -> bool:
    """Whether pydicom warns of more run-length encoded bytes than a rounding up to even numbers explains."""
    lengths = _RUN_LENGTHS.search(told)
    return lengths is not None and int(lengths[1]) > int(lengths[2]) + 1


def _used_bits(words: NDArray[np.integer], used: int, high: int) -> NDArray[np.integer]:
    """The value in bits `high - used + 1` to `high`, with its sign. Outside may be overlays, or anything."""
    bits = words.dtype.itemsize * 8
    return np.asarray(words << words.dtype.type(bits - 1 - high) >> words.dtype.type(bits - used))


def check_decoder(syntax: "UID") -> None:
    """Refuse, by its name, a transfer syntax that cannot be decoded."""
    from pydicom.pixels import get_decoder  # noqa: PLC0415 - only who reads DICOM pays for it

    from images.codecs import register  # noqa: PLC0415 - as above

    register()
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if not available:
        raise UnreadableImage(
            ReasonCode.UNSUPPORTED,
            f"The DICOM file is compressed in a way that cannot be decoded here ({syntax.name}). Export it "
            "uncompressed (Explicit VR Little Endian), or as JPEG-LS, JPEG 2000 or RLE.",
        )


def hounsfield_of(stored: Stored, rescale: Rescale) -> NDArray[np.float32]:
    """HU of the stored values."""
    hounsfield = stored.values.astype(np.float32)
    hounsfield *= np.float32(rescale.slope)
    hounsfield += np.float32(rescale.intercept)
    return hounsfield


def padding_of(dataset: "Dataset", stored: Stored) -> NDArray[np.bool_]:
    """Where the stored values are padding, bool (height, width); PS3.3, C.7.5.1.1.2."""
    words, padding = stored.words, np.zeros(stored.words.shape, dtype=np.bool_)
    first = dataset.get("PixelPaddingValue")
    if first is not None:
        last = dataset.get("PixelPaddingRangeLimit")
        span = abs(int(last) - int(first)) if last is not None else 0
        least = int(first) if last is None else min(int(first), int(last))
        padding = _within(words, least, span)
        if stored.values is not words:
            padding |= _within(stored.values, least, span)
    return padding


def _within(values: NDArray[np.integer], least: int, span: int) -> NDArray[np.bool_]:
    """Modulo the word's length, as some files give a negative value to pixels that have no sign."""
    words = values.astype(f"u{values.dtype.itemsize}", copy=False)
    words = words - words.dtype.type(least % (1 << 8 * values.dtype.itemsize))
    return np.asarray(words <= span)
