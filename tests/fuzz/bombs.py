"""Files that are small, or well-formed, and ask for very much time or memory."""

import io
import struct
import zlib
from collections.abc import Iterable

import numpy as np
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit

from tests.dicom_files import as_bytes, ct_slice
from tests.fuzz.files import encoded, png_chunk, png_chunks, png_of

LARGEST = 4472
"""Side of the largest square of the 20 million pixels that are allowed."""

TiffEntry = tuple[int, int, int, int | bytes]
"""Tag, type (1 byte, 3 short, 4 long), count, and the value or the bytes that it points to."""


def png_header(
    width: int, height: int, depth: int = 8, colour: int = 0, interlaced: int = 0
) -> tuple[bytes, bytes]:
    """The chunk that announces these pixels."""
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)


def png_of_zeros(width: int, height: int, depth: int = 8, colour: int = 0) -> bytes:
    """A PNG of equal pixels, a thousandth of their size."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = bytes(1 + (width * samples * depth + 7) // 8)
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return png_of([png_header(width, height, depth, colour), (b"IDAT", packed), (b"IEND", b"")])


def png_of_tiny_chunks(data: bytes, count: int, name: bytes = b"teSt") -> bytes:
    """The PNG with that many empty chunks before its pixels (or within them, as `IDAT`)."""
    header, *rest = png_chunks(data)
    return png_of([header]) + png_chunk(name, b"") * count + png_of(rest)[8:]


def tiff(entries: Iterable[TiffEntry], body: bytes = b"", following: int = 0) -> bytes:
    """A little-endian TIFF whose `body` begins at byte 8, before its only directory."""
    listed = sorted(entries, key=lambda entry: entry[0])
    directory = 8 + len(body)
    place = directory + 2 + 12 * len(listed) + 4
    packed, values = struct.pack("<H", len(listed)), b""
    for tag, kind, count, value in listed:
        if isinstance(value, bytes):
            packed += struct.pack("<HHII", tag, kind, count, place + len(values))
            values += value
        else:
            packed += struct.pack("<HHII", tag, kind, count, value)
    return b"II*\0" + struct.pack("<I", directory) + body + packed + struct.pack("<I", following) + values


def tiff_image(width: int, height: int, compression: int = 1, bits: int = 8) -> list[TiffEntry]:
    """The entries of a grey image, but for its strips."""
    return [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, bits),
        (259, 3, 1, compression),
        (262, 3, 1, 1),
        (277, 3, 1, 1),
    ]


def tiff_of_many_strips(width: int, height: int, strips: int) -> bytes:
    """Deflated strips that all share the same few bytes."""
    packed = zlib.compress(bytes(width * -(-height // strips)), 9)
    return tiff(
        [
            *tiff_image(width, height, compression=8),
            (273, 4, strips, struct.pack("<I", 8) * strips),
            (278, 4, 1, -(-height // strips)),
            (279, 4, strips, struct.pack("<I", len(packed)) * strips),
        ],
        packed,
    )


def tiff_listing_strips_again(strips: int, side: int = LARGEST) -> bytes:
    """Not compressed; two halves of the same bytes, listed again and again."""
    half = side // 2
    return tiff(
        [
            *tiff_image(side, side),
            (273, 4, strips, struct.pack("<II", 8, 9) * (strips // 2)),
            (278, 4, 1, half),
            (279, 4, strips, struct.pack("<I", side * half) * strips),
        ],
        bytes(side * half + 2),
    )


def tiff_of_pages(pages: int, side: int = 64) -> bytes:
    """Pages that share the bytes of one strip."""
    body, entries = bytes([90]) * (side * side), tiff_image(side, side)
    entries += [(273, 4, 1, 8), (278, 4, 1, side), (279, 4, 1, side * side)]
    listed = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    first, length = 8 + len(body), 2 + len(listed) + 4
    following = [first + page * length for page in range(1, pages)]
    directories = b"".join(
        struct.pack("<H", len(entries)) + listed + struct.pack("<I", place) for place in (*following, 0)
    )
    return b"II*\0" + struct.pack("<I", first) + body + directories


def jpeg_announcing(width: int, height: int) -> bytes:
    """A small JPEG whose frame header says that it is large."""
    frame = bytearray(encoded(Image.new("L", (64, 64)), "JPEG"))
    at = frame.index(b"\xff\xc0")
    frame[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(frame)


def jpeg_of_scans(scans: int, side: int = LARGEST) -> bytes:
    """A progressive JPEG whose last scan is repeated; few bytes, many passes over all its pixels."""
    whole = encoded(Image.new("L", (side, side), 128), "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * scans + b"\xff\xd9"


def bmp_of_runs(side: int, runs: bytes) -> bytes:
    """RLE8 with these runs."""
    palette = bytes(1024)
    header = b"BM" + struct.pack("<IHHI", 54 + 1024 + len(runs), 0, 0, 54 + 1024)
    header += struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(runs), 2835, 2835, 256, 0)
    return header + palette + runs


def dicom_of_frame(frame: bytes, syntax: str, side: int) -> bytes:
    """A CT slice that announces a size, with a compressed frame that may announce another."""
    dataset = ct_slice(np.zeros((2, 2), dtype=np.uint16), Rows=side, Columns=side)
    dataset.PixelData = encapsulate([frame])
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset["PixelData"].VR = "OB"
    return as_bytes(dataset)


def dicom_of_scans(scans: int, side: int = LARGEST) -> bytes:
    """As `jpeg_of_scans`, in DICOM."""
    return dicom_of_frame(jpeg_of_scans(scans, side), JPEGBaseline8Bit, side)


def dicom_of_components(components: int, side: int) -> bytes:
    """A JPEG 2000 frame that announces very many values a pixel."""
    buffer = io.BytesIO()
    Image.new("L", (side, side)).save(buffer, "JPEG2000", irreversible=False, no_jp2=True)
    frame = bytearray(buffer.getvalue())
    frame[40:42] = struct.pack(">H", components)
    return dicom_of_frame(bytes(frame), JPEG2000Lossless, side)


def dicom_of_elements(elements: int) -> bytes:
    """A header of that many empty private elements before the image."""
    whole = as_bytes(ct_slice())
    at = whole.index(b"\x28\x00\x02\x00")
    private = b"".join(
        struct.pack("<HH2sH", 0x0011 + 2 * (number >> 16), number & 0xFFFF, b"LO", 0)
        for number in range(elements)
    )
    return whole[:at] + private + whole[at:]


def dicom_of_items(items: int, name: bytes = b"\x08\x00\x60\x00") -> bytes:
    """The modality as a sequence of that many empty items."""
    whole = as_bytes(ct_slice())
    at = whole.index(name)
    sequence = name + b"SQ\0\0" + struct.pack("<I", 8 * items) + b"\xfe\xff\x00\xe0\0\0\0\0" * items
    return whole[:at] + sequence + whole[at + 10 :]
