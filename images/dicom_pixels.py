"""The pixels of a DICOM data set: as they are stored, in Hounsfield units (HU), and which are padding.

Clauses are those of the DICOM standard: https://dicom.nema.org/medical/dicom/current/output/html/
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import UnreadableImage
from core.reasons import ReasonCode
from images.codestream import check_scans, frame_shape

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

_RUN_LENGTH_ENCODED = "1.2.840.10008.1.2.5"
_CODESTREAMS = "1.2.840.10008.1.2.4."
"""Start of the identifiers of all JPEG, JPEG-LS and JPEG 2000 transfer syntaxes."""

_ITEM = b"\xfe\xff\x00\xe0"  # before each fragment: PS3.5, A.4
_MAX_FRAGMENTS = 10_000
_MAX_COMPRESSED_BYTES = 8 * 2**20
"""JPEG 2000 takes 0.2 s for each MiB, RLE 0.3; a slice of 2048 x 2048 has up to 8 MiB before compression."""


def stored_values(dataset: "Dataset") -> NDArray[np.integer]:
    """Decode the pixels as they are stored, integers (height, width)."""
    from pydicom.encaps import generate_frames  # noqa: PLC0415 - only who reads DICOM pays for it
    from pydicom.pixels import pixel_array  # noqa: PLC0415

    syntax, shape = dataset.file_meta.TransferSyntaxUID, (dataset.Rows, dataset.Columns)
    if syntax.is_compressed:
        _check_decoder(syntax)
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
        if frame_shape(frame) != (*shape[::-1], 1):
            raise ValueError("the frame has another size than the data set says")
        check_scans(frame)
    elif syntax == _RUN_LENGTH_ENCODED:
        whole = dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8
        if len(dataset.PixelData) > 2 * whole + 4096:  # runs of one are at worst twice as long
            raise ValueError("the frame holds more than the data set says")
    stored: NDArray[np.integer] = pixel_array(dataset)
    if stored.shape != shape:
        raise ValueError("the pixels have another size than the data set says")
    return stored


def _check_decoder(syntax: "UID") -> None:
    from pydicom.pixels import get_decoder  # noqa: PLC0415 - only who reads DICOM pays for it

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


def hounsfield_of(dataset: "Dataset", stored: NDArray[np.integer]) -> NDArray[np.float32]:
    """HU of the stored values (PS3.3, C.11.1.1.2)."""
    slope, intercept = float(dataset.RescaleSlope), float(dataset.RescaleIntercept)
    if slope == 0.0 or not np.isfinite((slope, intercept)).all():
        raise ValueError("the rescale slope or intercept is no use")
    hounsfield = stored.astype(np.float32)
    hounsfield *= np.float32(slope)
    hounsfield += np.float32(intercept)
    return hounsfield


def padding_of(dataset: "Dataset", stored: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Where the stored values are padding, bool (height, width); PS3.3, C.7.5.1.1.2."""
    first = dataset.get("PixelPaddingValue")
    if first is None:
        return np.zeros(stored.shape, dtype=np.bool_)
    last = dataset.get("PixelPaddingRangeLimit")
    span = abs(int(last) - int(first)) if last is not None else 0
    least = int(first) if last is None else min(int(first), int(last))
    # Modulo the word's length, as some files give a negative value to pixels that have no sign.
    words = stored.astype(f"u{stored.dtype.itemsize}", copy=False)
    words = words - words.dtype.type(least % (1 << 8 * stored.dtype.itemsize))
    return np.asarray(words <= span)
