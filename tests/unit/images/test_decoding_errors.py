"""Bytes that cannot be classified end as a `RejectedImage` whose message says what to do."""

import io
import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from core.errors import ImageTooLarge, ImageTooSmall, RejectedImage, UnreadableImage
from images.decoding import decode


def encoded(kind: str, size: tuple[int, int] = (96, 80)) -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0]), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, kind)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that announces these dimensions and holds a few bytes of pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


def test_an_empty_file_is_unreadable() -> None:
    with pytest.raises(UnreadableImage, match="file is empty"):
        decode(b"")


def test_a_text_file_named_png_is_unreadable() -> None:
    with pytest.raises(UnreadableImage, match="not a PNG, JPEG, TIFF or BMP"):
        decode(b"patient,image\n1,2\n" * 50)


def test_a_format_that_is_not_allowed_is_unreadable_although_pillow_knows_it() -> None:
    with pytest.raises(UnreadableImage, match="not a PNG, JPEG, TIFF or BMP"):
        decode(encoded("GIF"))


def test_dicom_is_told_apart_from_other_bytes() -> None:
    with pytest.raises(UnreadableImage, match="The DICOM file"):
        decode(bytes(128) + b"DICM" + bytes(500))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP"])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_a_truncated_image_is_unreadable(kind: str, kept: float) -> None:
    data = encoded(kind)
    with pytest.raises(UnreadableImage, match=r"truncated or damaged|not a PNG"):
        decode(data[: int(len(data) * kept)])


@pytest.mark.parametrize("size", [(30_000, 30_000), (5_000, 5_000)])
def test_a_bomb_is_refused_before_its_pixels_are_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(ImageTooLarge, match=r"20,000,000 pixels.*HEADCT_MAX_PIXELS"):
        decode(png_header(*size))


def test_the_limit_is_that_of_the_call() -> None:
    assert decode(encoded("PNG"), max_pixels=96 * 80).shape == (80, 96)
    with pytest.raises(ImageTooLarge, match="5,000 pixels"):
        decode(encoded("PNG"), max_pixels=5_000)


@pytest.mark.parametrize("size", [(1, 1), (300, 20), (63, 200)])
def test_a_tiny_image_is_too_small(size: tuple[int, int]) -> None:
    with pytest.raises(ImageTooSmall, match=f"{size[0]} x {size[1]} pixels; at least 64 x 64"):
        decode(encoded("PNG", size))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP"])
def test_damage_anywhere_is_either_decoded_or_rejected(kind: str) -> None:
    rng = np.random.default_rng(1)
    whole = np.frombuffer(encoded(kind), dtype=np.uint8)
    for _ in range(60):
        damaged = whole.copy()
        where = rng.integers(len(whole) if rng.random() < 0.5 else 200, size=6)
        damaged[where] = rng.integers(0, 255, 6)
        with suppress(RejectedImage):
            assert decode(damaged.tobytes()).ndim == 2
