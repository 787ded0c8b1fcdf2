"""Files made to take much time, memory or trust: each is refused for a reason, or read as the slice it is."""

import gzip
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import JPEGBaseline8Bit, RLELossless

from core.errors import ImageTooLarge, NotACtSlice, RejectedImage, UnreadableImage
from images.decoding import decode
from tests.fuzz import bombs
from tests.fuzz.bombs import LARGEST
from tests.fuzz.files import encoded, with_text
from tests.fuzz.target import LONGEST_S, examine
from training.phantoms.synthetic import generate_image

GREY = generate_image(5, None, (128, 128)).image
SLICE = encoded(Image.fromarray(GREY), "PNG")
MANY_PIECES = "far more pieces than an image"
MUCH_TEXT = "text or colour profile unpacks to far more"
LARGE_HEADER = "header .* holds more than 8 MiB"
DAMAGED = "truncated or damaged"
UNKNOWN = "not a PNG, JPEG, TIFF or BMP image"
STRIP = "a strip that can show no head"
EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x0e\0\2"


def zeros(mebibytes: int) -> bytes:
    """Zeros, packed a thousandfold."""
    return zlib.compress(bytes(mebibytes * 2**20), 9)


def huge_exif() -> bytes:
    """A JPEG of 200 APP1 segments of 64 KiB."""
    jpeg = encoded(Image.fromarray(GREY), "JPEG")
    return (
        jpeg[:2]
        + b"".join(b"\xff\xe1\xff\xff" + EXIF + bytes(65533 - len(EXIF)) for _ in range(200))
        + jpeg[2:]
    )


def jpeg_of_tiny_segments() -> bytes:
    jpeg = encoded(Image.fromarray(GREY), "JPEG")
    return jpeg[:2] + b"\xff\xfe\0\2" * 1_000_000 + jpeg[2:]


REFUSED: dict[str, tuple[Callable[[], bytes], type[RejectedImage], str]] = {
    "PNG, 900 million pixels": (
        lambda: bombs.png_of_zeros(30_000, 30_000, depth=1),
        ImageTooLarge,
        "20,000,000 pixels",
    ),
    "PNG, 4 billion squared": (
        lambda: bombs.png_of([bombs.png_header(2**31 - 1, 2**31 - 1), (b"IDAT", b""), (b"IEND", b"")]),
        ImageTooLarge,
        "20,000,000 pixels",
    ),
    "PNG, a strip": (lambda: bombs.png_of_zeros(64, 300_000), NotACtSlice, STRIP),
    "PNG, zTXt of 20 MiB": (
        lambda: with_text(SLICE, (b"zTXt", b"a\0\0" + zeros(20))),
        UnreadableImage,
        MUCH_TEXT,
    ),
    "PNG, iTXt of 20 MiB": (
        lambda: with_text(SLICE, (b"iTXt", b"a\0\1\0\0\0" + zeros(20))),
        UnreadableImage,
        MUCH_TEXT,
    ),
    "PNG, iCCP of 20 MiB": (
        lambda: with_text(SLICE, (b"iCCP", b"a\0\0" + zeros(20))),
        UnreadableImage,
        MUCH_TEXT,
    ),
    "PNG, 70 texts of 1 MiB": (
        lambda: with_text(
            SLICE, *[(b"zTXt", b"%d\0\0" % number + zlib.compress(bytes(2**20))) for number in range(70)]
        ),
        UnreadableImage,
        MUCH_TEXT,
    ),
    "PNG, text of 20 MiB": (
        lambda: with_text(SLICE, (b"tEXt", b"a\0" + bytes(20 * 2**20))),
        UnreadableImage,
        LARGE_HEADER,
    ),
    "PNG, a million chunks": (lambda: bombs.png_of_tiny_chunks(SLICE, 10**6), UnreadableImage, MANY_PIECES),
    "PNG, a million pixel chunks": (
        lambda: bombs.png_of_tiny_chunks(SLICE, 10**6, b"IDAT"),
        UnreadableImage,
        MANY_PIECES,
    ),
    "JPEG, EXIF of 12 MiB": (huge_exif, UnreadableImage, LARGE_HEADER),
    "JPEG, a million segments": (jpeg_of_tiny_segments, UnreadableImage, MANY_PIECES),
    "JPEG, 2,000 scans": (lambda: bombs.jpeg_of_scans(2000), UnreadableImage, "more than 64 scans"),
    "JPEG, 400 million pixels": (
        lambda: bombs.jpeg_announcing(20_000, 20_000),
        ImageTooLarge,
        "20,000,000",
    ),
    "TIFF, 2 billion squared": (
        lambda: bombs.tiff([*bombs.tiff_image(2**31 - 1, 2**31 - 1), (273, 4, 1, 8)]),
        ImageTooLarge,
        "20,000,000",
    ),
    "TIFF, 900 million pixels in 1,000 deflated strips": (
        lambda: bombs.tiff_of_many_strips(30_000, 30_000, 1000),
        ImageTooLarge,
        "20,000,000",
    ),
    "TIFF, strips listed again": (
        lambda: bombs.tiff_listing_strips_again(100_000),
        UnreadableImage,
        MANY_PIECES,
    ),
    "TIFF, three million strips": (
        lambda: bombs.tiff_listing_strips_again(3_000_000, 256),
        UnreadableImage,
        LARGE_HEADER,
    ),
    "TIFF, a loop of directories": (
        lambda: bombs.tiff([*bombs.tiff_image(64, 64), (330, 4, 1, 8)], following=8),
        UnreadableImage,
        f"{DAMAGED}|{UNKNOWN}",
    ),
    "BMP, 8 million runs of nothing": (
        lambda: bombs.bmp_of_runs(LARGEST, b"\0\2\0\0" * 4_000_000),
        UnreadableImage,
        MANY_PIECES,
    ),
    "BMP, 4 million runs of one": (
        lambda: bombs.bmp_of_runs(LARGEST, b"\1\7" * 4_000_000),
        UnreadableImage,
        MANY_PIECES,
    ),
    "DICOM, 2,000 scans": (lambda: bombs.dicom_of_scans(2000, 1024), UnreadableImage, "more than 64 scans"),
    "DICOM, 16,384 values a pixel": (
        lambda: bombs.dicom_of_components(16_384, 1024),
        UnreadableImage,
        DAMAGED,
    ),
    "DICOM, a frame larger than announced": (
        lambda: bombs.dicom_of_frame(bombs.jpeg_announcing(9000, 9000), JPEGBaseline8Bit, 512),
        UnreadableImage,
        DAMAGED,
    ),
    "DICOM, RLE of 16 MiB": (
        lambda: bombs.dicom_of_frame(bytes(2**24), RLELossless, 2048),
        UnreadableImage,
        "compressed image has more than 8 MiB",
    ),
    "DICOM, 200,000 elements": (lambda: bombs.dicom_of_elements(200_000), UnreadableImage, MANY_PIECES),
    "DICOM, a sequence of a million items": (
        lambda: bombs.dicom_of_items(1_000_000),
        UnreadableImage,
        DAMAGED,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bomb_is_refused_in_time_for_what_it_is(name: str) -> None:
    make, error, reason = REFUSED[name]
    examined = examine(make())
    assert examined.seconds < LONGEST_S
    assert isinstance(examined.rejected, error)
    assert re.search(reason, str(examined.rejected))


FOUND = {
    "TIFF, a palette of numbers above 65,535": bombs.tiff(
        [
            *(entry for entry in bombs.tiff_image(64, 64) if entry[0] != 262),
            (262, 3, 1, 3),
            (273, 4, 1, 8),
            (278, 4, 1, 64),
            (279, 4, 1, 4096),
            (320, 4, 768, b"\xff" * 3072),
        ],
        bytes(4096),
    ),
}
"""What the fuzzer found, in small."""


@pytest.mark.parametrize("name", FOUND)
def test_what_the_fuzzer_found_is_damaged(name: str) -> None:
    with pytest.raises(UnreadableImage, match=DAMAGED):
        decode(FOUND[name])


def test_a_damaged_tiff_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    whole = encoded(Image.fromarray(GREY).convert("1"), "TIFF", compression="group4")
    with pytest.raises(UnreadableImage):
        decode(whole[:8] + bytes(40) + whole[48:])
    assert capfd.readouterr() == ("", ""), "libtiff's lines would break those of the log"


def zip_of_slice() -> bytes:
    packed = io.BytesIO(SLICE)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("evil.sh", "rm -rf /")
    return packed.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        zip_of_slice(),
        SLICE + gzip.compress(bytes(10**6)),
        encoded(Image.fromarray(GREY), "JPEG", comment=b"<html><script>alert(1)</script>") + b"</html>",
        encoded(Image.fromarray(GREY), "JPEG") + b"%PDF-1.7\n",
        encoded(
            Image.fromarray(GREY), "PNG", save_all=True, append_images=[Image.new("L", (128, 128))] * 500
        ),
    ],
    ids=["PNG and zip", "PNG and gzip", "JPEG and HTML", "JPEG and PDF", "PNG animated"],
)
def test_what_follows_or_hides_beside_the_pixels_is_never_looked_at(data: bytes) -> None:
    assert np.abs(decode(data).astype(int) - GREY).max() < 60


def test_only_the_first_of_very_many_pages_is_read() -> None:
    pages = bombs.tiff_of_pages(100_000)
    assert examine(pages).seconds < 1
    assert decode(pages).shape == (64, 64)


def other_formats() -> dict[str, bytes]:
    picture = Image.fromarray(GREY)
    found = {
        kind: encoded(picture, kind)
        for kind in ("GIF", "WEBP", "PPM", "TGA", "PCX", "ICO", "JPEG2000", "PDF")
    }
    found["EPS"] = encoded(picture, "EPS")
    found["EPS in a DOS wrapper"] = (
        struct.pack("<4sII", b"\xc5\xd0\xd3\xc6", 32, len(found["EPS"])) + bytes(20) + found["EPS"]
    )
    found["PSD"] = (
        b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 1, 128, 128, 8, 1) + bytes(14) + GREY.tobytes()
    )
    found["PDF and JPEG"] = b"%PDF-1.7\n" + encoded(picture, "JPEG")
    found["SVG"] = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
    return found


@pytest.mark.parametrize("kind", other_formats())
def test_formats_that_are_not_read_are_refused_whatever_they_are_called(kind: str) -> None:
    with pytest.raises(UnreadableImage, match=UNKNOWN):
        decode(other_formats()[kind])
