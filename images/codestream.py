"""What a JPEG, JPEG-LS or JPEG 2000 stream announces, read before anything is decompressed.

A decoder trusts the stream, not the file around it, and its time and memory follow from it.
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from core.errors import UnreadableImage
from core.reasons import ReasonCode

MAX_SCANS = 64
"""Passes over all pixels. Encoders write 1 to 12; each takes at least 0.02 s at 20 million pixels."""

_JPEG_2000 = b"\xff\x4f\xff\x51"  # SOC and SIZ: ISO/IEC 15444-1, A.4.1 and A.5.1
_JPEG = b"\xff\xd8"  # SOI: ITU-T T.81, B.1.1.3, also of JPEG-LS
_START_OF_SCAN = b"\xff\xda"  # T.81, B.1.1.3; within entropy-coded data a 0xFF is followed by 0x00 (B.1.1.5)
_STARTS_OF_FRAME = {0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA, 0xF7}
"""Second byte of the marker before height and width: of JPEG that is read, and of JPEG-LS (T.87, C.1.1)."""
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""But those within entropy-coded data: stuffing and restarts."""
_TABLES, _SCAN, _END_OF_IMAGE = 0xC4, 0xDA, 0xD9  # DHT, SOS, EOI: T.81, B.1.1.3
_PROGRESSIVE = {0xC2, 0xCA}
_OF_DCT = {0xC0, 0xC1, 0xC9, *_PROGRESSIVE}
_HOLE, _LONG_HOLE = bytes(96), bytes(512)
"""Of JPEG, two blocks of 63 coefficients with codes of 3 or 4 bits, and more. Of JPEG 2000, more than the
empty packets that may follow each other, of a byte each (ISO/IEC 15444-1, B.10.3)."""


class FrameShape(NamedTuple):
    """Width and height in pixels, values per pixel, bits of the first of these, and whether it has a sign."""

    width: int
    height: int
    components: int
    precision: int
    signed: bool = False


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
            components, precision = struct.unpack_from(">HB", frame, 40)
            return FrameShape(
                right - left, bottom - top, components, (precision & 0x7F) + 1, signed=precision > 0x7F
            )
        position = len(_JPEG) if frame.startswith(_JPEG) else len(frame)
        while True:
            start, marker, length = struct.unpack_from(">BBH", frame, position)
            if start != 0xFF:
                raise ValueError("no marker where one must be")
            if marker == 0xFF:  # a fill byte: T.81, B.1.1.2
                position += 1
                continue
            if marker in _STARTS_OF_FRAME:
                precision, height, width, components = struct.unpack_from(">BHHB", frame, position + 4)
                return FrameShape(width, height, components, precision)
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


def check_complete(stream: bytes) -> None:
    """Refuse a JPEG or JPEG 2000 stream of which something is missing though its decoder does not warn.

    That is: scans, where it was cut between two and closed by an end marker; and pixels, where a hole was
    filled with zeros that happen to be codes. Zeros are blocks of nothing but the least coefficients, which
    no image has, unless a code of zeros ends a block, as optimised tables may have it. Of JPEG 2000 only a
    hole can be told: its arithmetic coding does not write so many zeros.

    Raises
    ------
    ValueError
        It is damaged.
    """
    if _LONG_HOLE in stream and stream.startswith(_JPEG_2000):
        raise ValueError("there is a hole in the image")
    if stream.startswith(_JPEG):
        _check_jpeg(stream)


def _check_jpeg(stream: bytes) -> None:
    left: dict[tuple[int, int], int] = {}  # by component and coefficient: bits that are still to come
    ends_blocks: dict[int, bool] = {}  # by table of coefficients: whether a code of zeros does
    progressive, position = False, len(_JPEG)
    while marker := _MARKER.search(stream, position):
        position, kind = marker.end(), stream[marker.end() - 1]
        if kind == _END_OF_IMAGE:
            break
        body = _body(stream, position)
        position += 2 + len(body)
        if kind in _OF_DCT:
            progressive = kind in _PROGRESSIVE
            coefficients = range(64 if progressive else 1)
            left = {(body[6 + 3 * one], number): 99 for one in range(body[5]) for number in coefficients}
        elif kind == _TABLES:
            ends_blocks.update(_ends_blocks(body))
        elif kind == _SCAN:
            components, (first, last, bits) = body[1 : 1 + 2 * body[0]], body[-3:]
            coefficients = range(first, last + 1) if progressive else range(1)
            sent = bits & 0x0F if progressive else 0
            left.update(
                ((component, number), sent) for component in components[::2] for number in coefficients
            )
            if not progressive and not all(
                ends_blocks.get(tables & 0x0F, True) for tables in components[1::2]
            ):
                following = _MARKER.search(stream, position)
                if stream.find(_HOLE, position, following.start() if following else len(stream)) >= 0:
                    raise ValueError("there is a hole in the image")
    if any(left.values()):
        raise ValueError("scans of the image are missing")


def _body(stream: bytes, position: int) -> bytes:
    (length,) = struct.unpack_from(">H", stream, position)
    return stream[position + 2 : position + length]


def _ends_blocks(tables: bytes) -> Iterator[tuple[int, bool]]:
    """Of each table for coefficients but the first: whether a code of zeros ends a block (T.81, B.2.4.2)."""
    while len(tables) > 17:
        if tables[0] >> 4:
            yield tables[0] & 0x0F, tables[17] == 0
        tables = tables[17 + sum(tables[1:17]) :]
