"""A plain PNG is decoded to what Pillow makes of it, and a damaged one not at all."""

import io
import multiprocessing
import resource
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from core.errors import ImageTooLarge, UnreadableImage
from images.decoding import decode
from images.png import plain_png
from tests.fuzz.files import interlaced_png, png_chunks, png_of
from training.phantoms.synthetic import generate_image

GREY = generate_image(9, None, (160, 140)).image


def png(pixels: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        png(GREY),
        png(np.dstack([GREY] * 3)),
        png(np.dstack([GREY, GREY, GREY, np.full_like(GREY, 255)])),
        png(np.dstack([GREY, np.full_like(GREY, 255)])),
        png(GREY, compress_level=0),
        png(np.asarray(Image.fromarray(GREY).convert("P")), bits=8),
    ],
    ids=["grey", "RGB", "RGBA", "grey and alpha", "stored", "palette"],
)
def test_every_kind_of_png_gives_its_pixels(data: bytes) -> None:
    assert (decode(data) == GREY).all()


def test_what_is_half_transparent_is_shown_on_black() -> None:
    alpha = np.full_like(GREY, 255)
    alpha[:80] = 128
    shown = decode(png(np.dstack([GREY, GREY, GREY, alpha])))
    assert (shown[80:] == GREY[80:]).all()
    assert np.abs(shown[:80].astype(int) - np.rint(GREY[:80] * (128 / 255))).max() <= 1


def test_a_bit_that_was_flipped_anywhere_in_the_pixels_is_damage() -> None:
    data, rng = png(np.dstack([GREY] * 3)), np.random.default_rng(5)
    begin, end = data.index(b"IDAT") + 4, data.index(b"IEND") - 8
    for position in [begin, end, *(int(rng.integers(begin, end)) for _ in range(200))]:
        damaged = bytearray(data)
        damaged[position] ^= 1 << int(rng.integers(8))
        with pytest.raises(UnreadableImage, match="truncated or damaged"):
            decode(bytes(damaged))


@pytest.mark.parametrize("kept", [0.3, 0.99])
def test_a_file_that_was_cut_is_damage(kept: float) -> None:
    data = png(GREY)
    with pytest.raises(UnreadableImage, match="truncated or damaged"):
        decode(data[: int(len(data) * kept)])


def test_a_file_without_its_end_is_damage() -> None:
    data = png(GREY)
    with pytest.raises(UnreadableImage, match="truncated or damaged"):
        decode(data[: data.index(b"IEND") - 4])


def test_what_follows_the_end_is_not_looked_at() -> None:
    assert plain_png(png(GREY) + b"more") == (*GREY.shape[::-1], 8, 0)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_all_16_bits_of_every_channel_count(channels: int) -> None:
    deep = np.dstack([GREY.astype(np.uint16) * 16] * channels).squeeze()
    if channels == 4:
        deep[:, :, 3] = 65535
    whole = deep if channels == 1 else deep[:, :, [2, 1, 0, 3][:channels]]
    data = cv2.imencode(".png", whole)[1].tobytes()
    np.testing.assert_allclose(decode(data), GREY * (255.0 / GREY.max()), atol=0.2)


def test_a_palette_or_interlaced_png_whose_rows_end_early_is_damaged() -> None:
    for whole in (png(np.asarray(Image.fromarray(GREY).convert("P"))), interlaced_png(GREY)):
        assert decode(whole).shape == GREY.shape
        chunks = dict(png_chunks(whole))
        rows = zlib.decompress(chunks[b"IDAT"])
        cut = [(n, zlib.compress(rows[:-40]) if n == b"IDAT" else b) for n, b in png_chunks(whole)]
        with pytest.raises(UnreadableImage, match="truncated or damaged"):
            decode(png_of(cut))


def test_what_is_not_plain_is_left_to_pillow() -> None:
    for data in (
        png(GREY, dpi=(72, 144)),
        png(np.asarray(Image.fromarray(GREY).convert("1"))),
        b"",
        b"II*\0",
        png(GREY)[1:],
    ):
        assert plain_png(data) is None


@pytest.mark.parametrize("room_mb", [0, 10, 40, 70])
def test_without_memory_a_large_image_is_refused_as_that_and_the_process_lives(room_mb: int) -> None:
    side = 4400  # far more than what lies free in this process already
    data = png(np.zeros((side, side, 4), dtype=np.uint8), compress_level=1)

    def work() -> None:
        decode(png(GREY))
        held = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_DATA, (held + room_mb * 2**20, resource.RLIM_INFINITY))
        with pytest.raises(ImageTooLarge, match="more memory than a worker process may have"):
            decode(data)

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(30)
    assert process.exitcode == 0
