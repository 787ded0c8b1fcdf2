"""Well-formed files of every kind that is read, also of kinds that few programs write."""

import io
import struct
import zlib
from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.uid import HTJ2KLossless, JPEG2000Lossless, JPEGLossless, JPEGLSLossless, RLELossless

from tests.dicom_files import (
    as_bytes,
    classic_frames,
    compressed_slice,
    ct_slice,
    enhanced_ct,
    hounsfield_that_shows,
)
from training.phantoms.bleeds import Bleed
from training.phantoms.synthetic import generate_image

Grey = NDArray[np.uint8]
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""First row, first column, step of rows, step of columns: PNG 3rd ed., 8.2."""


@cache
def well_formed_files() -> dict[str, bytes]:
    """Some fifty files by a name that says what is special about them."""
    grey = generate_image(1, Bleed.EPIDURAL, (128, 112)).image
    found: dict[str, bytes] = {}
    found.update(_png_files(grey))
    found.update(_jpeg_files(generate_image(2, None, (120, 128)).image))
    found.update(_tiff_files(generate_image(3, None, (112, 112)).image))
    found.update(_bmp_files(grey))
    found.update(_dicom_files(grey))
    return found


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The image as a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_chunk(name: bytes, body: bytes) -> bytes:
    """A chunk with its checksum (PNG 3rd ed., 5.3)."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Name and body of each chunk, as far as they are whole."""
    chunks, position = [], len(PNG_SIGNATURE)
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        chunks.append((data[position + 4 : position + 8], data[position + 8 : position + 8 + length]))
        position += 12 + length
    return chunks


def png_of(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG of these chunks."""
    return PNG_SIGNATURE + b"".join(png_chunk(name, body) for name, body in chunks)


def with_text(data: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """The PNG with these chunks before its pixels."""
    header, *rest = png_chunks(data)
    return png_of([header, *chunks, *rest])


def interlaced_png(grey: Grey) -> bytes:
    """Adam7, which Pillow reads and does not write; 8 bits of grey, no filters."""
    height, width = grey.shape
    rows = [
        b"\0" + row.tobytes()
        for top, left, down, right in _ADAM7
        for row in grey[top::down, left::right]
        if row.size
    ]
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 1)
    return png_of([(b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 1)), (b"IEND", b"")])


def run_length_bmp(grey: Grey) -> bytes:
    """8 bits by RLE8, which Pillow reads and does not write; rows from the bottom."""
    height, width = grey.shape
    rows = bytearray()
    for row in grey[::-1] // 16 * 16:
        starts = np.flatnonzero(np.diff(row, prepend=int(row[0]) ^ 255))
        for start, stop in zip(starts, [*starts[1:], width], strict=True):
            for part in range(start, stop, 255):
                rows += bytes((min(255, stop - part), row[start]))
        rows += b"\0\0"
    rows += b"\0\1"
    palette = b"".join(bytes((grey_level,) * 3 + (0,)) for grey_level in range(256))
    start = 14 + 40 + len(palette)
    header = b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start)
    header += struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(rows), 2835, 2835, 256, 0)
    return bytes(header + palette + rows)


def masks_bmp(grey: Grey) -> bytes:
    """32 bits with a V4 header, whose mask for alpha names bytes that are all 0."""
    height, width = grey.shape
    pixels = np.dstack([grey, grey, grey, np.zeros_like(grey)])[::-1].tobytes()
    header = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, len(pixels), 2835, 2835, 0, 0)
    header += struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + bytes(52)
    return b"BM" + struct.pack("<IHHI", 122 + len(pixels), 0, 0, 122) + header + pixels


def white_is_zero_tiff(stored: NDArray[np.generic]) -> bytes:
    """One strip, not compressed, little-endian; float where the array is."""
    height, width = stored.shape
    body, is_float = stored.tobytes(), stored.dtype.kind == "f"
    tags = (
        *((256, width), (257, height), (258, 8 * stored.dtype.itemsize), (259, 1), (262, 0), (273, 8)),
        *((277, 1), (278, height), (279, len(body)), (339, 3 if is_float else 1)),
    )
    listed = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    directory = struct.pack("<H", len(tags)) + listed + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(body)) + body + directory


def _png_files(grey: Grey) -> Iterator[tuple[str, bytes]]:
    image = Image.fromarray(grey)
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        yield f"{mode}.png", encoded(image.convert(mode), "PNG", compress_level=1)
    yield "16-bit.png", encoded(Image.fromarray(grey.astype(np.uint16) * 200), "PNG", compress_level=1)
    yield "transparent.png", encoded(image.convert("P"), "PNG", transparency=bytes(range(200)))
    yield "interlaced.png", interlaced_png(grey)
    yield "animated.png", encoded(image, "PNG", save_all=True, append_images=[image.rotate(9)] * 2)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "head"
    yield (
        "metadata.png",
        with_text(
            encoded(image, "PNG", exif=exif, dpi=(96, 96), icc_profile=bytes(300), compress_level=1),
            (b"tEXt", b"Comment\0head"),
            (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(5000))),
            (b"iTXt", b"Title\0\1\0en\0Titel\0" + zlib.compress(b"Kopf" * 90)),
        ),
    )


def _jpeg_files(grey: Grey) -> Iterator[tuple[str, bytes]]:
    image = Image.fromarray(grey)
    yield "grey.jpg", encoded(image, "JPEG")
    yield "progressive.jpg", encoded(image, "JPEG", progressive=True)
    for subsampling in (0, 2):
        yield f"colour-{subsampling}.jpg", encoded(image.convert("RGB"), "JPEG", subsampling=subsampling)
    yield (
        "colour-progressive.jpg",
        encoded(image.convert("RGB"), "JPEG", progressive=True, restart_marker_blocks=3),
    )
    yield "cmyk.jpg", encoded(image.convert("CMYK"), "JPEG")
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 8, "head"
    yield "oblong.jpg", encoded(image, "JPEG", dpi=(72, 144))
    yield "metadata.jpg", encoded(image, "JPEG", exif=exif, comment=b"head", icc_profile=bytes(500))
    yield "several.jpg", encoded(image, "MPO", save_all=True, append_images=[image.rotate(9)])


def _tiff_files(grey: Grey) -> Iterator[tuple[str, bytes]]:
    image = Image.fromarray(grey)
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma"):
        yield f"{compression}.tif", encoded(image, "TIFF", compression=compression)
    yield "group4.tif", encoded(image.convert("1"), "TIFF", compression="group4")
    yield "jpeg-colour.tif", encoded(image.convert("RGB"), "TIFF", compression="jpeg")
    for mode in ("1", "P", "RGBA", "CMYK", "YCbCr", "I", "F"):
        yield f"{mode}.tif", encoded(image.convert(mode), "TIFF")
    deep = grey.astype(np.uint16) * 200
    yield "16-bit.tif", encoded(Image.fromarray(deep), "TIFF", compression="tiff_lzw")
    yield "big.tif", encoded(Image.fromarray(deep), "TIFF", big_tiff=True)
    big_endian = Image.frombytes("I;16B", image.size, deep.astype(">u2").tobytes())
    yield "big-endian.tif", encoded(big_endian, "TIFF")
    for name, stored in (("16", 65535 - deep), ("32-float", 1 - grey.astype("<f4") / 255)):
        yield f"white-is-zero-{name}.tif", white_is_zero_tiff(stored)
    yield "turned.tif", encoded(image, "TIFF", tiffinfo={274: 6, 282: 1.0, 283: 2.0})
    yield "thumbnails.tif", encoded(image, "TIFF", save_all=True, append_images=[image], tiffinfo={254: 1})
    strips = {278: 1}  # rows per strip
    yield "strips.tif", encoded(image, "TIFF", compression="tiff_lzw", tiffinfo=strips)
    yield "pages.tif", encoded(image, "TIFF", save_all=True, append_images=[image.rotate(9)] * 3)


def _bmp_files(grey: Grey) -> Iterator[tuple[str, bytes]]:
    image = Image.fromarray(grey)
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        yield f"{mode}.bmp", encoded(image.convert(mode), "BMP")
    yield "run-length.bmp", run_length_bmp(grey)
    yield "masks.bmp", masks_bmp(grey)


def _dicom_files(grey: Grey) -> Iterator[tuple[str, bytes]]:
    shown = hounsfield_that_shows(grey)
    datasets = {"plain": ct_slice(shown)}
    for syntax in (JPEGLossless, JPEGLSLossless, JPEG2000Lossless, HTJ2KLossless, RLELossless):
        datasets[syntax.keyword] = compressed_slice(syntax)
    datasets["lossy"] = ct_slice(shown, LossyImageCompression="01", LossyImageCompressionRatio=["7", "11"])
    datasets["turned"] = ct_slice(shown, ImageOrientationPatient=[0, 1, 0, -1, 0, 0], PixelSpacing=[1, 0.5])
    datasets["high-bit"] = ct_slice(
        (shown + 1024).astype(np.uint16) << 4, BitsStored=12, HighBit=15, RescaleIntercept=-1024
    )
    datasets["frames"] = classic_frames([shown, shown, shown])
    datasets["enhanced"] = enhanced_ct([shown, shown, shown])
    for name, dataset in datasets.items():
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4.5"
        yield f"{name}.dcm", as_bytes(dataset)
    plain = as_bytes(datasets["plain"])
    yield "no-preamble.dcm", plain[132:]
    yield "no-meta.dcm", plain[plain.index(b"\x08\x00\x08\x00") :]
