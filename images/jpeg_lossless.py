"""Lossless JPEG (ITU-T T.81, annex H), as DICOM has it: one channel of 2 to 16 bits.

libjpeg-turbo in imagecodecs goes on where codes are missing or are none, and says nothing. But every pixel
has a code of a length that follows from it, so the lengths of all must add up to that of the stream.
"""

import re
import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_MARKER = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")
"""That ends entropy-coded data: no stuffing (a zero), no restart (RST, 0xD0 to 0xD7); after fill bytes."""
_RESTART = re.compile(rb"\xff+[\xd0-\xd7]")
_FRAME, _TABLES, _INTERVAL, _SCAN = 0xC3, 0xC4, 0xDD, 0xDA  # SOF3, DHT, DRI, SOS: T.81, B.1.1.3
_CATEGORIES = 17
"""Differences of 0, and of 1 to 16 bits (T.81, table H.2)."""


class _Header(NamedTuple):
    precision: int
    predictor: int
    shift: int
    interval: int
    lengths: NDArray[np.int64]  # of the code of each category; 0 if there is none
    codes_at: int


def lossless_pixels(frame: bytes) -> NDArray[np.unsignedinteger]:
    """The pixels of a frame, uint8 or uint16 (height, width).

    Raises
    ------
    ValueError
        It is damaged, or of more than one channel.
    """
    from imagecodecs import Jpeg8Error, jpeg8_decode  # noqa: PLC0415 - only who reads such a file pays for it

    try:
        header = _header(frame)
        pixels: NDArray[np.unsignedinteger] = jpeg8_decode(frame)
    except (struct.error, IndexError, Jpeg8Error) as error:
        raise ValueError("the frame cannot be decoded") from error
    if pixels.ndim != 2 or not _is_whole(frame, header, pixels):
        raise ValueError("codes of the image are missing, or are none")
    return pixels


def _header(frame: bytes) -> _Header:
    precision, interval, lengths, position = 0, 0, {}, 2
    while True:
        start, marker, length = struct.unpack_from(">BBH", frame, position)
        if start == marker == 0xFF:  # a fill byte: T.81, B.1.1.2
            position += 1
            continue
        body = frame[position + 4 : position + 2 + length]
        position += 2 + length
        if start != 0xFF:
            raise ValueError("no marker where one must be")
        if marker == _FRAME:
            precision = body[0]
        elif marker == _INTERVAL:
            (interval,) = struct.unpack(">H", body)
        elif marker == _TABLES:
            lengths.update(_lengths(body))
        elif marker == _SCAN:
            if body[0] != 1 or body[2] >> 4 not in lengths:
                raise ValueError("not one channel with its table of codes")
            predictor, shift = body[3], body[5] & 0x0F
            return _Header(precision, predictor, shift, interval, lengths[body[2] >> 4], position)


def _lengths(tables: bytes) -> dict[int, NDArray[np.int64]]:
    """By table: the bits of the code of each category (T.81, B.2.4.2)."""
    found = {}
    while len(tables) > 16:
        counts, values = tables[1:17], tables[17 : 17 + sum(tables[1:17])]
        of_code = np.repeat(np.arange(1, 17), list(counts))[: len(values)]
        lengths = np.zeros(_CATEGORIES, dtype=np.int64)
        for value, length in zip(values, of_code, strict=True):
            if value < _CATEGORIES:
                lengths[value] = length
        found[tables[0]] = lengths
        tables = tables[17 + len(values) :]
    return found


def _is_whole(frame: bytes, header: _Header, pixels: NDArray[np.unsignedinteger]) -> bool:
    """Whether the codes of these pixels fill the stream, but for the bits that fill its last byte."""
    end = _MARKER.search(frame, header.codes_at)
    if end is None:
        return False
    coded = _RESTART.split(frame[header.codes_at : end.start()])
    width = pixels.shape[1]
    rows = header.interval // width if header.interval else len(pixels)
    if header.interval % width or len(coded) != -(-len(pixels) // max(rows, 1)):
        return False
    for part, first in zip(coded, range(0, len(pixels), rows), strict=True):
        bits = _bits(pixels[first : first + rows], header)
        if bits is None or not 0 <= 8 * len(part.replace(b"\xff\x00", b"\xff")) - bits < 8:
            return False
    return True


def _predicted(
    left: NDArray[np.int32], above: NDArray[np.int32], corner: NDArray[np.int32], predictor: int
) -> NDArray[np.int32]:
    """T.81, table H.1."""
    if predictor <= 3:
        return (left, above, corner)[predictor - 1]
    if predictor == 4:
        return left + above - corner
    if predictor == 5:
        return left + ((above - corner) >> 1)
    return above + ((left - corner) >> 1) if predictor == 6 else (left + above) >> 1


def _bits(pixels: NDArray[np.unsignedinteger], header: _Header) -> int | None:
    """How many bits code these rows, with a restart before them; None if a code is not in the table."""
    values = pixels.astype(np.int32) >> header.shift
    predicted = np.empty_like(values)
    predicted[0, 0] = 1 << (header.precision - header.shift - 1)
    predicted[0, 1:], predicted[1:, 0] = values[0, :-1], values[:-1, 0]
    predicted[1:, 1:] = _predicted(values[1:, :-1], values[:-1, 1:], values[:-1, :-1], header.predictor)
    difference = np.abs((values - predicted).astype(np.int16).astype(np.int32))
    category = np.frexp(difference.astype(np.float32))[1]
    counts = np.bincount(category.ravel(), minlength=_CATEGORIES)
    if np.any(header.lengths[counts > 0] == 0):
        return None
    extra = np.arange(_CATEGORIES)
    extra[-1] = 0  # the one difference of 16 bits needs no more (T.81, H.1.2.2)
    return int(counts @ (header.lengths + extra))
