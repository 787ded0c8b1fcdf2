"""What a JPEG, JPEG-LS or JPEG 2000 stream announces, read before anything is decompressed.

A decoder trusts the stream, not the file around it, and its time and memory follow from it.
"""

import struct
from typing import NamedTuple

from core.errors import UnreadableImage
from core.reasons import ReasonCode

MAX_SCANS = 64
"""Passes over all pixels. Encoders write 1 to 12; each takes at least 0.02 s at 20 million pixels."""

_JPEG_2000 = b"\xff\x4f\xff\x51"  # SOC and SIZ: ISO/IEC 15444-1, A.4.1 and A.5.1
_JPEG = b"\xff\xd8"  # SOI: ITU-T T.81, B.1.1.3, also of JPEG-LS
_START_OF_SCAN = b"\xff\xda"  # T.81, B.1.1.3; within entropy-coded data a 0xFF is followed by 0x00 (B.1.1.5)
_STARTS_OF_FRAME = {0xC0, 0xC1, 0xC2, 0xC3, 0xF7}
"""Second byte of the marker before height and width: baseline to lossless JPEG, and JPEG-LS (T.87, C.1.1)."""


class FrameShape(NamedTuple):
    """Width and height in pixels, and values per pixel."""

    width: int
    height: int
    components: int


def frame_shape(frame: bytes) -> FrameShape:
    """The shape of a JPEG, JPEG-LS or JPEG 2000 frame.

    Raises
    ------
    ValueError
        It is none of these, or ends before its size.
    """
    try:
        if frame.startswith(_JPEG_2000):
            right, bottom, left, top = struct.unpack_from(">4I", frame, 8)
            (components,) = struct.unpack_from(">H", frame, 40)
            return FrameShape(right - left, bottom - top, components)
        position = len(_JPEG) if frame.startswith(_JPEG) else len(frame)
        while True:
            start, marker, length = struct.unpack_from(">BBH", frame, position)
            if start != 0xFF:
                raise ValueError("no marker where one must be")
            if marker in _STARTS_OF_FRAME:
                height, width, components = struct.unpack_from(">HHB", frame, position + 5)
                return FrameShape(width, height, components)
            position += 2 + length
    except struct.error as error:
        raise ValueError("the frame ends before its size") from error


def check_scans(stream: bytes) -> None:
    """Refuse a JPEG stream of so many scans that decoding takes seconds, which nothing could interrupt.

    Raises
    ------
    UnreadableImage
    """
    if stream.count(_START_OF_SCAN) > MAX_SCANS:
        raise UnreadableImage(
            ReasonCode.TOO_COMPLEX,
            f"The JPEG image is made of more than {MAX_SCANS} scans, which no encoder writes. "
            "Export the slice again, as PNG or baseline JPEG.",
        )
