"""A heat map shows where the bleed is, and is laid over the image where it belongs."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from images.constants import Preprocessing
from images.preprocessors import preprocessor_of
from models.classifier import Classifier
from models.explain import heat_map, heat_pair, in_image
from models.store import shipped_model
from training.painting import paint_bleed
from training.phantoms.synthetic import generate_image

CONSTANTS = Preprocessing()


def test_log_odds_become_a_map_of_the_images_size_between_zero_and_one() -> None:
    cells = np.full((16, 16), -200.0, dtype=np.float32)
    cells[3, 10] = 200.0
    heat = heat_map(cells, 128)
    assert heat.shape == (128, 128)
    assert heat.dtype == np.float32
    assert heat.min() == 0.0
    assert np.unravel_index(heat.argmax(), heat.shape) == pytest.approx((3 * 8 + 4, 10 * 8 + 4), abs=1)


def test_the_warmest_cell_lies_in_a_painted_bleed_mostly() -> None:
    classifier, rng = Classifier.load(shipped_model()), np.random.default_rng(3)
    found = []
    for seed in range(30):
        pixels = preprocessor_of(CONSTANTS).prepare(generate_image(seed, None).image, CONSTANTS)[..., 0]
        painted, mask = paint_bleed(pixels, rng)
        if mask.sum() < 150 or (painted - pixels)[mask].mean() < 0.3:
            continue
        cells = classifier.score(painted[np.newaxis, ..., np.newaxis].astype(np.float32)).heat[0]
        row, column = np.unravel_index(cells.argmax(), cells.shape)
        around = mask[max(0, 8 * row - 8) : 8 * row + 16, max(0, 8 * column - 8) : 8 * column + 16]
        found.append(bool(around.any()))
    assert len(found) >= 10
    assert np.mean(found) >= 0.8


@pytest.mark.parametrize("version", ["2", "3"])
def test_a_heat_map_lies_over_the_image_where_it_was_cut_out(version: str) -> None:
    constants, image = replace(CONSTANTS, version=version), generate_image(7, None).image
    prepared = preprocessor_of(constants).prepare(image, constants)[..., 0]
    laid = in_image(prepared, image, constants)
    assert laid.shape == image.shape
    inside = laid != 0.0
    agreement = np.corrcoef(laid[inside], np.clip(image[inside], 0, 255))[0, 1]
    assert agreement > 0.9
    for axis in (0, 1):
        shifted = np.roll(laid, 3, axis=axis)
        assert np.corrcoef(shifted[inside], image[inside])[0, 1] < agreement


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_the_picture_shows_the_image_plain_and_under_its_heat(kind: type) -> None:
    image = np.tile(np.arange(64, dtype=kind), (64, 1))
    heat = np.zeros((64, 64), dtype=np.float32)
    heat[10:20, 10:20] = 1.0
    with Image.open(io.BytesIO(heat_pair(image, heat, "image 7: hemorrhage"))) as picture:
        pixels = np.asarray(picture).astype(int)
    colour = np.abs(pixels[..., 0] - pixels[..., 2])
    middle = pixels.shape[1] // 2
    assert colour[:, :middle].max() == 0
    assert colour[:, middle:].max() > 60
