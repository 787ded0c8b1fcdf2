"""A JPEG is decoded to the same pixels as by Pillow, and one that is damaged is rejected."""

import io
import random
import struct

import numpy as np
import pytest
from PIL import Image

from core.errors import UnreadableImage
from core.reasons import ReasonCode
from images.decoding import decode
from tests.fuzz.files import encoded
from training.phantoms.bleeds import Bleed
from training.phantoms.synthetic import generate_image

IMAGES = [Image.fromarray(generate_image(seed, Bleed.EPIDURAL, (256, 240)).image) for seed in range(4)]
KINDS = [
    ("L", {}),
    ("RGB", {}),
    ("RGB", {"subsampling": 0}),
    ("L", {"progressive": True}),
    ("RGB", {"progressive": True}),
    ("L", {"restart_marker_blocks": 5}),
]


@pytest.mark.parametrize(("mode", "options"), KINDS)
def test_the_pixels_are_those_of_pillow(mode: str, options: dict[str, object]) -> None:
    data = encoded(IMAGES[0].convert(mode), "JPEG", quality=88, **options)
    pillow = Image.open(io.BytesIO(data))
    assert np.abs(decode(data).astype(int) - np.asarray(pillow.convert("L"))).max() <= (mode == "RGB")


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_ink_is_turned_only_where_the_file_says_that_it_is_adobes(mode: str) -> None:
    data = encoded(IMAGES[0].convert(mode), "JPEG", quality=95)
    wanted = np.asarray(IMAGES[0], dtype=int)
    assert np.abs(decode(data) - wanted).mean() < 3
    if mode == "CMYK":
        start = data.index(b"\xff\xee")
        (length,) = struct.unpack_from(">H", data, start + 2)
        without = data[:start] + data[start + 2 + length :]
        inverted = np.asarray(Image.open(io.BytesIO(data)).convert("CMYK").point(lambda ink: 255 - ink))
        shown = np.asarray(Image.fromarray(inverted, "CMYK").convert("L"), dtype=int)
        assert np.abs(decode(without) - shown).mean() < 1


def damaged(kind: str, size: int, rng: random.Random, data: bytes) -> bytes:
    """Zeros or noise in the scan, or a cut that is closed by an end marker."""
    first = data.rindex(b"\xff\xda") + 20 if kind == "cut" else data.index(b"\xff\xda") + 20
    at = rng.randrange(first, len(data) - size - 2)
    if kind == "cut":
        return data[:at] + b"\xff\xd9"
    hole = bytes(size) if kind == "zeros" else rng.randbytes(size)
    return data[:at] + hole + data[at + size :]


@pytest.mark.parametrize(("mode", "options"), KINDS)
@pytest.mark.parametrize(("kind", "size"), [("zeros", 4096), ("noise", 4096), ("cut", 0)])
def test_a_hole_or_a_cut_that_is_closed_is_damage(
    mode: str, options: dict[str, object], kind: str, size: int
) -> None:
    rng = random.Random(f"{mode} {kind} {size}")  # noqa: S311 - to be repeatable
    for image in IMAGES:
        data = encoded(image.convert(mode), "JPEG", quality=95, **options)
        size = min(size, len(data) // 4)
        for _ in range(10):
            with pytest.raises(UnreadableImage) as refused:
                decode(damaged(kind, size, rng, data))
            assert refused.value.reason.code == ReasonCode.DAMAGED


def test_a_cut_between_two_scans_is_damage() -> None:
    """What there is decodes without any warning, only coarsely."""
    data = encoded(IMAGES[0].convert("RGB"), "JPEG", progressive=True)
    starts = [at for at in range(len(data) - 1) if data[at : at + 2] == b"\xff\xda"]
    assert len(starts) > 4
    for start in starts[1:]:
        tables = data.rfind(b"\xff\xc4", 0, start)
        end = tables if data[start - 1 : start] and tables > starts[starts.index(start) - 1] else start
        with pytest.raises(UnreadableImage, match="truncated or damaged"):
            decode(data[:end] + b"\xff\xd9")


def test_zeros_that_are_codes_of_a_flat_image_are_no_hole() -> None:
    """Optimised tables give the end of a block the shortest code, which is zeros."""
    flat = np.zeros((512, 512), dtype=np.uint8)
    flat[200:300, 200:300] = np.random.default_rng(3).integers(0, 255, (100, 100))
    data = encoded(Image.fromarray(flat), "JPEG", optimize=True, quality=30)
    assert bytes(96) in data[data.index(b"\xff\xda") :], "or this tests nothing"
    assert decode(data).shape == (512, 512)


def test_12_bits_and_what_else_is_not_read_is_named_so() -> None:
    data = bytearray(encoded(IMAGES[0], "JPEG"))
    data[data.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(UnreadableImage) as refused:
        decode(bytes(data))
    assert refused.value.reason.code == ReasonCode.UNSUPPORTED


@pytest.mark.parametrize("tail", [b"", b"\0\0", b"<html></html>", b"\xff\xd8\xff\xe0"])
def test_what_follows_the_end_is_not_looked_at(tail: bytes) -> None:
    data = encoded(IMAGES[0], "JPEG")
    np.testing.assert_array_equal(decode(data + tail), decode(data))


def test_damage_of_a_jpeg_within_tiff_is_damage_too() -> None:
    data = encoded(IMAGES[0], "TIFF", compression="jpeg", quality=95)
    assert decode(data).shape == IMAGES[0].size[::-1]
    middle = len(data) // 2
    for hole in (bytes(2000), np.random.default_rng(1).bytes(2000)):
        with pytest.raises(UnreadableImage, match="truncated or damaged"):
            decode(data[:middle] + hole + data[middle + 2000 :])


def test_a_strip_that_announces_more_than_the_image_is_refused_before_it_is_decoded() -> None:
    data = bytearray(encoded(IMAGES[0], "TIFF", compression="jpeg"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
    with pytest.raises(UnreadableImage, match="truncated or damaged"):
        decode(bytes(data))


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_strips_within_tiff_are_read_when_they_are_whole(mode: str) -> None:
    data = encoded(IMAGES[0].convert(mode), "TIFF", compression="jpeg", quality=95, tiffinfo={278: 64})
    assert len(Image.open(io.BytesIO(data)).tag_v2[273]) == 4
    assert np.abs(decode(data).astype(int) - np.asarray(IMAGES[0])).mean() < 2
