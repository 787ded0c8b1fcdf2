"""What reaches the network is the head, whatever surrounds it and however it was exported."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from core.errors import NotACtSlice
from images.constants import Preprocessing
from images.decoding import decode
from images.preprocessing import placement, preprocess
from training.phantoms.synthetic import generate_image

CONSTANTS = Preprocessing()


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    """Smoothed, so that only what the export did makes a difference; two heads differ by about 0.25."""
    return ndimage.gaussian_filter(generate_image(18, None, (300, 260)).image, 2.0)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(preprocess(one, CONSTANTS) - preprocess(other, CONSTANTS)).mean())


def test_the_result_has_the_networks_shape_and_stays_within_the_limits(image: np.ndarray) -> None:
    prepared = preprocess(image, CONSTANTS)
    assert prepared.dtype == np.float32
    assert prepared.shape == CONSTANTS.input_shape
    assert prepared.min() >= CONSTANTS.clip_low / CONSTANTS.scale
    assert prepared.max() <= CONSTANTS.clip_high / CONSTANTS.scale


def test_outside_the_head_there_is_nothing(image: np.ndarray) -> None:
    prepared = preprocess(image, CONSTANTS)
    assert (prepared[[0, -1]] == 0.0).all()  # the mask fades over three pixels within the margin of four
    assert (prepared[:, :12] == 0.0).all()


def test_width_height_and_border_do_not_matter(image: np.ndarray) -> None:
    padded = np.pad(image, ((40, 10), (90, 5)))
    assert difference(image, padded) < 0.06


def test_a_small_head_in_a_large_field_of_view_is_found_as_well_as_one_that_fills_it() -> None:
    differences = []
    for seed in range(10):
        image = generate_image(seed, None, (300, 260)).image
        differences.append(difference(image, np.pad(image, ((80, 90), (120, 100)))))
    assert np.mean(differences) < 0.10  # with the cells of the whole field: 0.13


@pytest.mark.parametrize("seed", range(6))
def test_a_mirror_image_gives_the_mirror_image_and_lies_where_it_lies(seed: int) -> None:
    image = generate_image(seed, None, (301 + seed, 257 + 3 * seed)).image
    mirrored = np.ascontiguousarray(image[:, ::-1])
    for kind in (np.uint8, np.float32):
        one, other = (preprocess(side.astype(kind), CONSTANTS) for side in (image, mirrored))
        np.testing.assert_array_equal(other, one[:, ::-1])
    corners = np.array([(0, 0, 1), (100, 30, 1)], dtype=np.float64)
    across = corners.copy()
    across[:, 0] = CONSTANTS.size - 1 - corners[:, 0]
    here, there = corners @ placement(image, CONSTANTS).T, across @ placement(mirrored, CONSTANTS).T
    np.testing.assert_allclose(there[:, 0], image.shape[1] - 1 - here[:, 0], atol=1e-6)
    np.testing.assert_allclose(there[:, 1], here[:, 1], atol=1e-6)


def test_resolution_does_not_matter(image: np.ndarray) -> None:
    larger = np.asarray(Image.fromarray(image).resize((520, 600), Image.Resampling.BILINEAR))
    assert difference(image, larger) < 0.06


def test_brightness_and_contrast_do_not_matter(image: np.ndarray) -> None:
    dimmed = (image * 0.6).astype(np.float32)
    assert difference(image, dimmed) < 0.02


@pytest.mark.parametrize("seed", [0, 2, 8])
def test_where_a_wide_window_shows_black_as_grey_does_not_matter(seed: int) -> None:
    image = generate_image(seed, None, (300, 260)).image
    lifted = (image * 0.6 + 80.0).astype(np.uint8)
    assert difference(image, lifted) < 0.02
    np.testing.assert_allclose(placement(lifted, CONSTANTS), placement(image, CONSTANTS), atol=0.01)


def test_tint_and_alpha_do_not_matter(image: np.ndarray) -> None:
    tinted = np.stack([image * 0.7, image * 0.85, image, np.full_like(image, 255)], axis=-1).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(tinted).save(buffer, "PNG")
    assert difference(image, decode(buffer.getvalue())) < 0.02


def test_a_white_frame_around_the_picture_is_not_taken_for_the_head(image: np.ndarray) -> None:
    framed = np.pad(np.pad(image, 12), 6, constant_values=255)
    assert difference(image, framed) < 0.06


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_image_is_not_a_ct_slice(level: int) -> None:
    with pytest.raises(NotACtSlice, match="blank"):
        preprocess(np.full((200, 200), level, dtype=np.uint8), CONSTANTS)


def test_noise_without_a_head_is_not_a_ct_slice() -> None:
    noise = np.random.default_rng(0).integers(0, 90, (256, 256)).astype(np.uint8)
    noise[100:110, 30:220] = 255
    with pytest.raises(NotACtSlice, match="head"):
        preprocess(noise, CONSTANTS)


def test_a_solid_bright_disc_has_no_brain() -> None:
    rows, columns = np.ogrid[-1.0:1.0:200j, -1.0:1.0:200j]
    disc = np.where(rows**2 + columns**2 < 0.6, 255, 0).astype(np.uint8)
    with pytest.raises(NotACtSlice, match="No brain"):
        preprocess(disc, CONSTANTS)


def test_the_constants_survive_the_way_through_json() -> None:
    other = Preprocessing(version="x", size=64, margin=0.1)
    assert Preprocessing.from_dict(other.to_dict()) == other
