"""The chunks of a PNG file, checked before libspng decodes it: it does not look at the last checksum."""

import struct
import zlib

from models.bounded import too_many_pieces

MAX_CHUNKS = 100_000
"""Each takes a microsecond. An image of 20 million pixels in chunks of 8 KiB has some 10,000."""
_SIGNATURE_BYTES = 8
_END = b"IEND"


def check_chunks(data: bytes) -> None:
    """Refuse a PNG file unless every chunk, up to the one that ends it, has the checksum of its bytes.

    Clauses: PNG 3rd ed., 5.3 (chunk layout) and 5.5 (CRC of type and data).

    Raises
    ------
    UnreadableImage
        It has more chunks than any image needs.
    ValueError, struct.error
        A chunk is damaged, or the file ends before its end chunk.
    """
    view, position = memoryview(data), _SIGNATURE_BYTES
    for _ in range(MAX_CHUNKS):
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        (checksum,) = struct.unpack_from(">I", data, end)
        if zlib.crc32(view[position + 4 : end]) != checksum:
            raise ValueError("the checksum of a chunk is wrong")
        if name == _END:
            return
        position = end + 4
    raise too_many_pieces()
