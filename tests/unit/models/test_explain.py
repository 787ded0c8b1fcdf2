"""A heat map shows where the bleed is, and is laid over the image where it belongs."""

import keras
import numpy as np
import pytest

from models.constants import Preprocessing
from models.explain import grad_cam, in_image
from models.network import build_network
from models.preprocessing import preprocess
from training.phantoms.bleeds import Bleed
from training.phantoms.synthetic import generate_scan

CONSTANTS = Preprocessing()


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return build_network(CONSTANTS.input_shape)


def test_the_heat_map_has_the_images_size_and_a_greatest_value_of_one(network: keras.Model) -> None:
    pixels = preprocess(generate_scan(5, Bleed.EPIDURAL).image, CONSTANTS)
    heat = grad_cam(network, pixels)
    assert heat.shape == pixels.shape[:2]
    assert heat.dtype == np.float32
    assert 0.0 <= heat.min() < heat.max() == 1.0


def test_a_heat_map_lies_over_the_image_where_it_was_cut_out() -> None:
    image = generate_scan(7, None).image
    prepared = preprocess(image, CONSTANTS)[..., 0]
    laid = in_image(prepared, image, CONSTANTS)
    assert laid.shape == image.shape
    inside = laid != 0.0
    agreement = np.corrcoef(laid[inside], np.clip(image[inside], 0, 255))[0, 1]
    assert agreement > 0.9
    shifted = np.roll(laid, 12, axis=1)
    assert np.corrcoef(shifted[inside], image[inside])[0, 1] < agreement - 0.1
