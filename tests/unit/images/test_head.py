"""The head is found and turned upright."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.errors import NotACtSlice
from images.constants import Preprocessing
from images.decoding import GreyImage
from images.head import Head, pyramid
from images.head import find_head as find_in
from images.preprocessing import preprocess
from images.preprocessing_2 import preprocess as preprocess_2
from training.phantoms.bleeds import Bleed
from training.phantoms.brain import BrainLevel
from training.phantoms.canvas import Frame
from training.phantoms.phantom import make_phantom, skull_at
from training.phantoms.synthetic import generate_image


def find_head(image: GreyImage, max_tilt: float) -> Head:
    return find_in(pyramid(image), max_tilt)


@pytest.mark.parametrize("tilt", [-15.0, -6.0, 0.0, 9.0, 14.0])
def test_the_tilt_is_recovered(tilt: float) -> None:
    frame = Frame(height=256, width=224, spacing=0.85, row=128.0, column=112.0, tilt=tilt, stretch=1.0)
    rng, level = np.random.default_rng(4), BrainLevel.VENTRICLES
    phantom = make_phantom(rng, frame, level, skull_at(rng, level))
    image = np.clip((phantom.hounsfield + 10.0) * 2.5, 0, 255).astype(np.uint8)
    assert find_head(image, max_tilt=24.0).tilt == pytest.approx(tilt, abs=2.5)


def test_the_tilt_never_exceeds_its_limit() -> None:
    image = generate_image(8, Bleed.EPIDURAL).image
    turned = np.asarray(Image.fromarray(image).rotate(60, expand=True))
    assert abs(find_head(turned, max_tilt=10.0).tilt) <= 10.0


def test_a_ring_with_gaps_is_still_filled() -> None:
    image = generate_image(4, None, (260, 220)).image.copy()
    image[:40, 100:120] = 0
    whole, broken = find_head(generate_image(4, None, (260, 220)).image, 24.0), find_head(image, 24.0)
    assert broken.mask.sum() == pytest.approx(whole.mask.sum(), rel=0.05)


def test_a_bright_line_is_no_head() -> None:
    image = np.zeros((200, 200), dtype=np.uint8)
    np.fill_diagonal(image[20:180, 20:180], 255)
    image[:, 1:] |= image[:, :-1]
    with pytest.raises(NotACtSlice, match="head"):
        find_head(image, 24.0)


def with_gaps(image: GreyImage, middles: list[float], width: float) -> GreyImage:
    """The slice without the bone in some directions, in degrees; brain's grey stands there."""
    bright = image > 0.6 * image.max()
    rows, columns = np.nonzero(bright)
    row, column = (rows.min() + rows.max()) / 2.0, (columns.min() + columns.max()) / 2.0
    y, x = np.indices(image.shape)
    turns = np.degrees(np.arctan2(y - row, x - column))
    far = np.hypot((y - row) / np.ptp(rows), (x - column) / np.ptp(columns)) > 0.3
    bone = cv2.dilate(bright.view(np.uint8), np.ones((5, 5), dtype=np.uint8)).view(np.bool_) & far
    image = image.copy()
    for middle in middles:
        image[bone & (np.abs((turns - middle + 180.0) % 360.0 - 180.0) < width / 2.0)] = 110
    return image


@pytest.mark.parametrize(
    ("middles", "width"),
    [
        ([30.0], 20.0),
        ([30.0], 90.0),
        ([200.0], 140.0),
        ([90.0, 270.0], 50.0),
        ([10.0, 100.0, 190.0, 280.0], 15.0),
        ([10.0, 80.0, 150.0, 230.0, 300.0], 30.0),
    ],
)
def test_a_head_without_a_closed_ring_of_bone_is_found_where_the_whole_one_is(
    middles: list[float], width: float
) -> None:
    found = 0
    for seed in range(10):
        image = generate_image(seed, list(Bleed)[seed % len(Bleed)], (260, 220)).image
        whole = find_head(image, 24.0)
        try:
            broken = find_head(with_gaps(image, middles, width), 24.0)
        except NotACtSlice:
            continue
        off = np.hypot(broken.row - whole.row, broken.column - whole.column)
        found += off < 0.06 * whole.extent and broken.extent == pytest.approx(whole.extent, rel=0.12)
    assert found >= 8


def test_a_head_is_found_above_a_head_holder_that_is_wider() -> None:
    image = generate_image(4, None, (260, 220)).image
    image = np.pad(image, ((60, 100), (140, 140)))
    middle = image.shape[1] // 2
    held = image.copy()
    cv2.ellipse(held, (middle, 120), (middle - 20, 270), 0, 20, 160, 255, 12)
    alone, found = find_head(image, 24.0), find_head(held, 24.0)
    assert found.extent == pytest.approx(alone.extent, rel=0.05)
    assert (found.row, found.column) == pytest.approx((alone.row, alone.column), abs=5.0)


def test_pieces_of_bone_without_a_brain_are_no_head() -> None:
    image = np.zeros((200, 200), dtype=np.uint8)
    for turn in range(0, 360, 60):
        cv2.ellipse(image, (100, 100), (80, 90), 0, turn, turn + 40, 255, 12)
    with pytest.raises(NotACtSlice, match="head"):
        find_head(image, 24.0)


def test_soft_tissue_with_bone_in_its_middle_is_no_head() -> None:
    image = np.zeros((200, 200), dtype=np.uint8)
    cv2.ellipse(image, (100, 100), (90, 70), 0, 0, 360, 110, -1)
    cv2.circle(image, (100, 120), 16, 255, -1)
    with pytest.raises(NotACtSlice, match="head"):
        find_head(image, 24.0)


_PIXELS = {
    "3": [
        (0.2977, 0.1056),
        (0.2859, 0.0834),
        (0.3615, 0.1385),
        (0.4443, 0.162),
        (0.325, 0.1068),
        (0.2914, 0.109),
    ],
    "2": [
        (0.2971, 0.1128),
        (0.3046, 0.0916),
        (0.3618, 0.1439),
        (0.4469, 0.1678),
        (0.3449, 0.1174),
        (0.2885, 0.1113),
    ],
}
"""Of six synthetic images: mean absolute value, and mean weighted from 0 at the top to 1 at the bottom."""


@pytest.mark.parametrize(("version", "prepare"), [("3", preprocess), ("2", preprocess_2)])
def test_what_reaches_the_network_is_what_the_models_of_that_version_were_trained_with(
    version: str, prepare: Callable[[GreyImage, Preprocessing], NDArray[np.float32]]
) -> None:
    weights = np.linspace(0.0, 1.0, 128, dtype=np.float32)[:, np.newaxis, np.newaxis]
    for seed, (size, weighted) in enumerate(_PIXELS[version]):
        kind = (None, *Bleed)[seed % 6]
        prepared = prepare(generate_image(seed, kind).image, Preprocessing(version=version, size=128))
        assert np.abs(prepared).mean() == pytest.approx(size, abs=2e-4)
        assert (prepared * weights).mean() == pytest.approx(weighted, abs=2e-4)
