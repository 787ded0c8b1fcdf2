"""A CT slice may be tinted; a photograph has colours of its own."""

import io

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from core.errors import NotACtSlice
from images.colour import MAX_RESIDUAL_CHROMA, residual_chroma
from images.decoding import decode
from training.phantoms.synthetic import generate_image


def png(rgb: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("photograph", load_sample_images().images)
def test_a_colour_photograph_is_not_a_ct_slice(photograph: np.ndarray) -> None:
    with pytest.raises(NotACtSlice, match="photograph"):
        decode(png(photograph))


@pytest.mark.parametrize("tint", [(0.6, 0.8, 1.0), (1.0, 0.85, 0.6), (0.3, 1.0, 0.4)])
def test_a_slice_with_a_tint_is_accepted(tint: tuple[float, float, float]) -> None:
    grey = generate_image(1, None).image
    rgb = (grey[..., np.newaxis] * np.array(tint)).astype(np.uint8)
    assert decode(png(rgb)).shape == grey.shape


def test_a_slice_in_a_colour_map_is_accepted() -> None:
    grey = generate_image(2, None).image
    palette = np.stack([np.sqrt(np.arange(256) * 255.0), np.arange(256), np.arange(256) ** 2 / 255.0], axis=1)
    assert decode(png(palette.astype(np.uint8)[grey])).shape == grey.shape


def test_a_coloured_caption_does_not_make_a_photograph() -> None:
    rgb = np.repeat(generate_image(3, None).image[..., np.newaxis], 3, axis=2)
    rgb[:12, :60] = (30, 60, 250)
    assert residual_chroma(rgb) < MAX_RESIDUAL_CHROMA
