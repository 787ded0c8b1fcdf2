"""What `decode` accepts, and what it makes of it."""

import io

import numpy as np
import pytest
from PIL import Image

from images.decoding import decode

RAMP = np.tile(np.arange(96, dtype=np.uint8), (80, 1))


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_grey_content_survives_in_every_lossless_format_and_mode(kind: str, mode: str) -> None:
    decoded = decode(encoded(Image.fromarray(RAMP).convert(mode), kind))
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, RAMP)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_an_opaque_alpha_channel_changes_nothing(mode: str) -> None:
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(RAMP).convert(mode))), RAMP)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_parts_become_black_like_air(mode: str) -> None:
    image = Image.fromarray(np.full((80, 96), 200, dtype=np.uint8)).convert(mode)
    alpha = np.zeros((80, 96), dtype=np.uint8)
    alpha[:, 48:] = 255
    image.putalpha(Image.fromarray(alpha))
    decoded = decode(encoded(image))
    assert (decoded[:, :48] == 0).all()
    assert (decoded[:, 48:] == 200).all()


def test_a_jpeg_is_decoded_nearly_as_it_was() -> None:
    decoded = decode(encoded(Image.fromarray(RAMP), "JPEG", quality=95))
    assert np.abs(decoded.astype(int) - RAMP).max() <= 4


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_stretched_to_the_same_range_and_keep_their_precision(kind: str) -> None:
    twelve_bits = (RAMP.astype(np.uint16) * 40) + 100
    decoded = decode(encoded(Image.fromarray(twelve_bits), kind))
    assert decoded.dtype == np.float32
    np.testing.assert_allclose(decoded, RAMP * (255.0 / 95.0), atol=1e-3)


def test_values_that_are_no_numbers_do_not_spread() -> None:
    values = RAMP.astype(np.float32)
    values[0, 0] = np.nan
    assert np.isfinite(decode(encoded(Image.fromarray(values), "TIFF"))).all()


def test_a_black_and_white_image_is_decoded() -> None:
    decoded = decode(encoded(Image.fromarray(RAMP > 40)))
    assert set(np.unique(decoded)) == {0, 255}
