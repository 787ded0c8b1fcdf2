"""The head is found and turned upright."""

import numpy as np
import pytest
from PIL import Image

from core.errors import NotACtSlice
from images.decoding import GreyImage
from images.head import Head, pyramid
from images.head import find_head as find_in
from training.phantoms.bleeds import Bleed
from training.phantoms.brain import BrainLevel
from training.phantoms.canvas import Frame
from training.phantoms.phantom import make_phantom, skull_at
from training.phantoms.synthetic import generate_scan


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
    image = generate_scan(8, Bleed.EPIDURAL).image
    turned = np.asarray(Image.fromarray(image).rotate(60, expand=True))
    assert abs(find_head(turned, max_tilt=10.0).tilt) <= 10.0


def test_a_ring_with_gaps_is_still_filled() -> None:
    image = generate_scan(4, None, (260, 220)).image.copy()
    image[:40, 100:120] = 0
    whole, broken = find_head(generate_scan(4, None, (260, 220)).image, 24.0), find_head(image, 24.0)
    assert broken.mask.sum() == pytest.approx(whole.mask.sum(), rel=0.05)


def test_a_bright_line_is_no_head() -> None:
    image = np.zeros((200, 200), dtype=np.uint8)
    np.fill_diagonal(image[20:180, 20:180], 255)
    image[:, 1:] |= image[:, :-1]
    with pytest.raises(NotACtSlice, match="head"):
        find_head(image, 24.0)
