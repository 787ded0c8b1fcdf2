"""Ways to damage a file: blindly, and with its structure in mind so that parsers get past the first check."""

import random
import struct
import zlib
from collections.abc import Callable, Sequence

from core.dicom_start import START, begins_as_dicom
from tests.archives import MAKERS
from tests.fuzz.files import PNG_SIGNATURE, png_chunk, png_chunks, png_of

Mutation = Callable[[random.Random, bytes, Sequence[bytes]], bytes]
"""Takes the source of chance, the file, and other files; gives the damaged file."""

_TELLING = (0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)
_MAX_BYTES = 2**20


def mutate(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Apply one to four mutations, mostly those that know the format."""
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        fitting = _structured(data)
        chosen = rng.choice(fitting if fitting and rng.random() < 0.65 else _BLIND)
        data = chosen(rng, data, others)[:_MAX_BYTES]
    return data


def flip_bytes(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    damaged = bytearray(data)
    first = min(len(damaged), rng.choice((64, 512, len(damaged))))
    for _count in range(rng.choice((1, 2, 4, 16, 64))):
        if damaged:
            damaged[rng.randrange(first)] = rng.choice((0, 255, rng.randrange(256)))
    return bytes(damaged)


def flip_bit(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    if not data:
        return data
    damaged = bytearray(data)
    damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def write_number(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    layout = rng.choice(("<H", ">H", "<I", ">I", "<Q", ">Q"))
    size = struct.calcsize(layout)
    if len(data) <= size:
        return data
    position = rng.randrange(min(len(data) - size, rng.choice((64, 512, len(data)))) or 1)
    number = rng.choice((*_TELLING, len(data), rng.randrange(2**32))) % 256**size
    return data[:position] + struct.pack(layout, number) + data[position + size :]


def cut(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def cut_middle(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    start, stop = _span(rng, data)
    return data[:start] + data[stop:]


def repeat(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    start, stop = _span(rng, data)
    return data[:stop] + data[start:stop] * rng.choice((1, 2, 20)) + data[stop:]


def insert_noise(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    position = rng.randrange(len(data) + 1)
    return data[:position] + rng.randbytes(rng.choice((1, 4, 100, 5000))) + data[position:]


def splice(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """The beginning of this file, the rest of another."""
    other = rng.choice(others)
    start = rng.choice((8, 33, 64, rng.randrange(len(data) + 1)))
    return data[:start] + other[rng.choice((0, start, rng.randrange(len(other) + 1))) :]


def append_file(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    return data + rng.choice(
        (rng.choice(others), b"PK\x03\x04" * 9, b"<html><script>alert(1)</script></html>")
    )


def hole(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """A block of zeros in place of what was there, as a crash or a copy over a network leaves it."""
    length = rng.choice((64, 512, 4096))
    start = rng.randrange(len(data) + 1)
    return data[:start] + bytes(min(length, len(data) - start)) + data[start + length :]


def png_header(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """Huge or tiny dimensions, wrong depths, colour types, filters, interlacing; the checksum is right."""
    chunks = png_chunks(data)
    if not chunks or len(chunks[0][1]) != 13:
        return data
    fields = list(struct.unpack(">IIBBBBB", chunks[0][1]))
    which = rng.randrange(7)
    if which < 2:
        fields[which] = rng.choice((*_TELLING, 64, 65, 4000, 20_000, fields[which] + 1, fields[which] * 4))
    else:
        fields[which] = rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 32, 255))
    fields[:2] = (side % 2**32 for side in fields[:2])
    return png_of([(b"IHDR", struct.pack(">IIBBBBB", *fields)), *chunks[1:]])


def png_rearranged(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Chunks swapped, dropped, doubled, taken from another file, or made empty or long."""
    chunks = png_chunks(data)
    if len(chunks) < 3:
        return data
    one, two = rng.randrange(len(chunks)), rng.randrange(len(chunks))
    match rng.randrange(6):
        case 0:
            chunks[one], chunks[two] = chunks[two], chunks[one]
        case 1:
            del chunks[one]
        case 2:
            chunks[two:two] = [chunks[one]] * rng.choice((1, 3, 500))
        case 3:
            pngs = [other for other in others if other.startswith(PNG_SIGNATURE)]
            chunks.insert(one, rng.choice(png_chunks(rng.choice(pngs)) if pngs else chunks))
        case 4:
            name, body = chunks[one]
            chunks[one] = (name, rng.choice((b"", body[: len(body) // 2], body * 3, rng.randbytes(40))))
        case _:
            chunks[one] = (rng.choice(_PNG_NAMES), chunks[one][1])
    return png_of(chunks)


def png_pixels(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """Damage within the compressed rows: other filters, too few rows, too many."""
    chunks = png_chunks(data)
    try:
        rows = bytearray(zlib.decompress(b"".join(body for name, body in chunks if name == b"IDAT")))
    except zlib.error:
        return data
    for _count in range(rng.choice((0, 1, 30))):
        if rows:
            rows[rng.randrange(len(rows))] = rng.randrange(256)
    rows = rng.choice((rows, rows[: len(rows) // 2], rows * 2))
    packed = zlib.compress(rows, 1)
    at = rng.randrange(len(packed) + 1)
    kept = [chunk for chunk in chunks if chunk[0] != b"IDAT"]
    return png_of([*kept[:-1], (b"IDAT", packed[:at]), (b"IDAT", packed[at:]), *kept[-1:]])


def png_metadata(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    packed = zlib.compress(bytes(rng.choice((10, 1000, 3 * 2**20))))
    chunk = rng.choice(
        (
            (b"zTXt", b"Comment\0\0" + packed),
            (b"iTXt", b"Comment\0\1\0\0\0" + packed),
            (b"iCCP", b"profile\0\0" + packed),
            (b"eXIf", b"MM\0*\0\0\0\x08" + rng.randbytes(300)),
            (b"acTL", struct.pack(">II", rng.choice((0, 1, 2**31)), 0)),
            (b"fcTL", rng.randbytes(26)),
            (b"PLTE", rng.randbytes(rng.choice((0, 3, 768, 771)))),
            (b"tRNS", rng.randbytes(rng.choice((0, 2, 6, 256)))),
        )
    )
    return data[:33] + png_chunk(*chunk) + data[33:]


def jpeg_rearranged(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """Segments (tables, frame header, images) dropped, doubled, swapped, cut."""
    segments = _jpeg_segments(data)
    one, two = rng.randrange(len(segments)), rng.randrange(len(segments))
    match rng.randrange(5):
        case 0:
            del segments[one]
        case 1:
            segments[two:two] = [segments[one]] * rng.choice((1, 3, 200))
        case 2:
            segments[one], segments[two] = segments[two], segments[one]
        case 3:
            segments[one] = segments[one][: rng.randrange(len(segments[one]) + 1)]
        case _:
            missing = rng.choice((b"\xff\xdb", b"\xff\xc4", b"\xff\xda"))
            segments = [segment for segment in segments if not segment.startswith(missing)]
    return b"".join(segments)


def jpeg_frame(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """Another process, precision, size, number of components or sampling in the frame header."""
    segments = _jpeg_segments(data)
    for index, segment in enumerate(segments):
        if len(segment) > 11 and segment[1] in (0xC0, 0xC1, 0xC2):
            frame = bytearray(segment)
            match rng.randrange(5):
                case 0:
                    frame[1] = rng.choice((0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC9, 0xCA, 0xF7))
                case 1:
                    frame[4] = rng.choice((0, 1, 8, 12, 16, 255))
                case 2:
                    at = rng.choice((5, 7))
                    frame[at : at + 2] = struct.pack(">H", rng.choice((0, 1, 64, 129, 4000, 65535)))
                case 3:
                    frame[9] = rng.choice((0, 1, 2, 3, 4, 5, 255))
                case _:
                    frame[rng.randrange(10, len(frame))] = rng.choice((0, 0x11, 0x22, 0x44, 0x41, 255))
            segments[index] = bytes(frame)
    return b"".join(segments)


def jpeg_cut_and_closed(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """An end marker where the rest is missing, or after a whole image."""
    images = [at for at in range(2, len(data)) if data.startswith(b"\xff\xda", at)]
    return data[: rng.choice((*images, rng.randrange(len(data) + 1)))] + b"\xff\xd9"


def jpeg_many_scans(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    segments = _jpeg_segments(data)
    images = [segment for segment in segments if segment.startswith(b"\xff\xda")]
    return b"".join((*segments[:-1], *images * rng.choice((2, 10, 400)), b"\xff\xd9"))


def tiff_entry(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """One entry of the first directory with another tag, type, count, value or offset."""
    order, first, count = _tiff_directory(data)
    if not count:
        return data
    at = first + 2 + 12 * rng.randrange(count)
    if at + 12 > len(data):
        return data
    tag, kind, number, value = struct.unpack_from(f"{order}HHII", data, at)
    match rng.randrange(4):
        case 0:
            tag = rng.choice(_TIFF_TAGS)
        case 1:
            kind = rng.choice((0, 1, 2, 3, 4, 5, 7, 11, 12, 13, 16, 255))
        case 2:
            number = rng.choice((*_TELLING, number + 1))
        case _:
            value = rng.choice((*_TELLING, 64, 4000, 20_000, len(data), len(data) - 8, first, value + 1))
    entry = struct.pack(f"{order}HHII", tag, kind, number % 2**32, value % 2**32)
    return data[:at] + entry + data[at + 12 :]


def tiff_next(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """The chain of directories in a loop, or out of the file; a directory of very many entries."""
    order, first, count = _tiff_directory(data)
    at = first + 2 + 12 * count
    if not count or at + 4 > len(data):
        return data
    if rng.random() < 0.3:
        return data[:first] + struct.pack(f"{order}H", rng.choice((0, 1, 5000, 65535))) + data[first + 2 :]
    following = rng.choice((first, 8, 0, at, len(data), 2**32 - 1))
    return data[:at] + struct.pack(f"{order}I", following) + data[at + 4 :]


def bmp_header(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """Other sizes, depths, compression (also runs), offsets, palettes."""
    if len(data) < 54:
        return data
    at, layout, numbers = rng.choice(
        (
            (10, "<I", (0, 14, 54, len(data), 2**32 - 1)),
            (14, "<I", (12, 40, 52, 56, 64, 108, 124, 1000)),
            (18, "<i", (0, -1, 64, 100, 20_000, 2**31 - 1)),
            (22, "<i", (0, -1, -100, 64, 20_000, -(2**31))),
            (28, "<H", (0, 1, 2, 4, 8, 16, 24, 32, 64)),
            (30, "<I", (0, 1, 2, 3, 4, 5, 6)),
            (46, "<I", (0, 1, 2, 256, 257, 65536, 2**32 - 1)),
        )
    )
    return data[:at] + struct.pack(layout, rng.choice(numbers)) + data[at + struct.calcsize(layout) :]


def packed(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """An archive of the file and another one, damaged afterwards or not."""
    make = rng.choice(list(MAKERS.values()))
    archive = make([("a", data), (rng.choice(("b", "../b", "/b", "b.zip")), rng.choice(others))])
    return rng.choice((archive, flip_bytes(rng, archive, others), cut(rng, archive, others)))


def dicom_element(rng: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """An element of the image (groups 0020, 0028) with another representation, length or value."""
    groups = (b"\x20\x00", b"\x28\x00")
    places = [at for at in range(min(len(data) - 12, 4000)) if data[at : at + 2] in groups]
    if not places:
        return data
    at = rng.choice(places)
    what = rng.choice(
        (
            (4, rng.choice((b"SQ", b"US", b"IS", b"DS", b"OW", b"UN", b"ZZ"))),
            (6, struct.pack("<H", rng.choice((0, 1, 2, 4, 100, 65535)))),
            (8, struct.pack("<H", rng.choice((0, 1, 7, 12, 16, 64, 4096, 65535)))),
            (2, rng.randbytes(2)),
        )
    )
    return data[: at + what[0]] + what[1] + data[at + what[0] + len(what[1]) :]


_PNG_NAMES = (
    b"IDAT",
    b"IEND",
    b"IHDR",
    b"PLTE",
    b"tRNS",
    b"fdAT",
    b"CgBI",
    b"gAMA",
    b"sRGB",
    b"pHYs",
    b"\0\0\0\0",
)
_TIFF_TAGS = (
    256,
    257,
    258,
    259,
    262,
    266,
    273,
    274,
    277,
    278,
    279,
    284,
    317,
    320,
    322,
    323,
    324,
    325,
    330,
    338,
    254,
    255,
    282,
    283,
    339,
    347,
    42113,
)
_BLIND: tuple[Mutation, ...] = (
    flip_bytes,
    flip_bit,
    write_number,
    cut,
    cut_middle,
    hole,
    repeat,
    insert_noise,
    splice,
    append_file,
    packed,
)
_PNG: tuple[Mutation, ...] = (png_header, png_rearranged, png_pixels, png_metadata)
_JPEG: tuple[Mutation, ...] = (jpeg_rearranged, jpeg_frame, jpeg_many_scans, jpeg_cut_and_closed)
_TIFF: tuple[Mutation, ...] = (tiff_entry, tiff_entry, tiff_next)


def _structured(data: bytes) -> tuple[Mutation, ...]:
    if data.startswith(PNG_SIGNATURE):
        return _PNG
    if data.startswith(b"\xff\xd8"):
        return _JPEG
    if data.startswith((b"II*\0", b"MM\0*")):
        return _TIFF
    if data.startswith(b"BM"):
        return (bmp_header,)
    return (dicom_element,) if begins_as_dicom(data[:START]) else ()


def _span(rng: random.Random, data: bytes) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((1, 4, 64, 4096)))


def _jpeg_segments(data: bytes) -> list[bytes]:
    """The stream cut before each marker, so that an image's header and its data are one piece."""
    starts = [
        at
        for at in range(len(data) - 1)
        if data[at] == 0xFF and data[at + 1] not in (0, 0xFF, *range(0xD0, 0xD8))
    ]
    return [data[start:stop] for start, stop in zip(starts, [*starts[1:], len(data)], strict=True)] or [data]


def _tiff_directory(data: bytes) -> tuple[str, int, int]:
    """Byte order, place of the first directory, and its number of entries (0 where it is out of the file)."""
    order = "<" if data.startswith(b"II") else ">"
    if len(data) < 8:
        return order, 0, 0
    (first,) = struct.unpack_from(f"{order}I", data, 4)
    if first + 2 > len(data):
        return order, first, 0
    return order, first, struct.unpack_from(f"{order}H", data, first)[0]
