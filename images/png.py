"""PNG as nearly all slices have it, which Rust's `png` (in kornia-rs) decodes in half of Pillow's time.

The chunks are checked here, so that every file that is damaged is refused, in whatever chunk it is.
Clauses are those of PNG 3rd ed.
"""

import struct
import zlib
from typing import NamedTuple

from kornia_rs.io import decode_image_png_u8, decode_image_png_u16

from images.bounded import reserve, too_many_pieces
from images.shown import Pixels

SIGNATURE = b"\x89PNG\r\n\x1a\n"  # 5.2
_MAX_CHUNKS = 100_000
"""Each takes a microsecond. An image of 20 million pixels in chunks of 8 KiB has some 10,000."""
_PLAIN_COLOURS = {0: ("mono", 1), 2: ("rgb", 3), 6: ("rgba", 4)}
"""Of the kinds of colour (11.2.1) grey, RGB and RGBA: the names that kornia-rs has for them, and channels."""
_PLAIN_DEPTHS = {8: decode_image_png_u8, 16: decode_image_png_u16}
_PLAIN_CHUNKS = {
    *(b"IHDR", b"IDAT", b"IEND", b"bKGD", b"cHRM", b"gAMA", b"hIST", b"pHYs", b"sBIT", b"sRGB", b"tEXt"),
    b"tIME",
}
"""Without compressed text and profiles, transparent colours, palettes and further frames."""
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column, first row, step of columns, step of rows (8.1)."""
_BLOCK = 2**20
_MOST_BESIDE_PIXELS = 65_536
_COPIES = 3
"""Of the pixels, with room: what the decoder holds at once."""


class PlainPng(NamedTuple):
    """Width and height in pixels, bits a channel, and kind of colour, of what `plain_pixels` decodes."""

    width: int
    height: int
    depth: int
    colour: int


def plain_png(data: bytes) -> PlainPng | None:
    """Look at all chunks of a PNG file up to the one that ends it.

    Returns
    -------
    None where it has another depth than 8 or 16 bits, a palette, several frames, much text, a transparent
    colour, an orientation or oblong pixels, is interlaced, or is no PNG at all: that is Pillow's.

    Raises
    ------
    UnreadableImage
        It has more chunks than any image needs.
    ValueError, struct.error
        The checksum of a chunk is wrong, or the file ends before its end chunk.
    """
    if not data.startswith(SIGNATURE + b"\x00\x00\x00\x0dIHDR"):
        return None
    width, height, depth, colour, _, _, interlacing = struct.unpack_from(">2I5B", data, 16)
    beside_pixels = _check_chunks(data)
    plain = depth in _PLAIN_DEPTHS and colour in _PLAIN_COLOURS and interlacing == 0
    return PlainPng(width, height, depth, colour) if plain and beside_pixels <= _MOST_BESIDE_PIXELS else None


def plain_pixels(data: bytes, header: PlainPng) -> Pixels:
    """The pixels of a `plain_png`, uint8 or uint16: (height, width), or with 3 or 4 channels behind.

    Raises
    ------
    ValueError
        They cannot be decoded.
    MemoryError
    """
    name, channels = _PLAIN_COLOURS[header.colour]
    # Short of memory Rust would end the process, or stand still; Python fails with a MemoryError.
    reserve(_COPIES * header.width * header.height * channels * (header.depth // 8))
    try:
        decode = _PLAIN_DEPTHS[header.depth]
        pixels: Pixels = decode(data, (header.height, header.width), name)
    except BaseException as error:
        # A panic of Rust is none of Python's `Exception`s (PyO3, `PanicException`).
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise ValueError("the pixels cannot be decoded") from error
        raise
    return pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def _check_chunks(data: bytes) -> float:
    """Bytes of what is no pixel; infinite where something else than in `_PLAIN_CHUNKS` is among them."""
    view, position, beside_pixels = memoryview(data), len(SIGNATURE), 0.0
    for _ in range(_MAX_CHUNKS):
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        (checksum,) = struct.unpack_from(">I", data, end)
        if zlib.crc32(view[position + 4 : end]) != checksum:  # 5.5
            raise ValueError("the checksum of a chunk is wrong")
        if name != b"IDAT":
            beside_pixels += length if name in _PLAIN_CHUNKS else float("inf")
        if name == b"pHYs" and view[position + 8 : position + 12] != view[position + 12 : position + 16]:
            beside_pixels = float("inf")
        if name == b"IEND":
            return beside_pixels
        position = end + 4
    raise too_many_pieces()


def depth_of(data: bytes) -> int:
    """Bits a channel of a PNG file (11.2.1)."""
    return data[24]


def check_rows(data: bytes) -> None:
    """Refuse a PNG file whose compressed rows end before the image does: decoders leave the rest black.

    Raises
    ------
    ValueError, zlib.error
    """
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">2I5B", data, 16)
    bits = depth * _CHANNELS[colour]
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    wanted = 0
    for left, top, right, down in passes:
        columns, rows = -(-(width - left) // right), -(-(height - top) // down)
        wanted += (1 + (columns * bits + 7) // 8) * rows if columns > 0 and rows > 0 else 0
    unpacker, position = zlib.decompressobj(), len(SIGNATURE)
    while wanted > 0 and not unpacker.eof:
        length, name = struct.unpack_from(">I4s", data, position)
        if name == b"IEND":
            break
        packed = data[position + 8 : position + 8 + length] if name == b"IDAT" else b""
        while packed and wanted > 0:
            wanted -= len(unpacker.decompress(packed, _BLOCK))
            packed = unpacker.unconsumed_tail
        position += 12 + length
    if wanted > 0:
        raise ValueError("the rows end before the image")
