"""A model is served with the preprocessing that it was trained with."""

from dataclasses import replace

import numpy as np
import pytest

from core.errors import PreprocessingUnknown
from images import preprocessing, preprocessing_2
from images.constants import CURRENT, Preprocessing
from images.preprocessors import preprocessor_of
from training.phantoms.synthetic import generate_image


def test_each_version_has_its_own_code() -> None:
    assert preprocessor_of(Preprocessing()).prepare is preprocessing.preprocess
    assert preprocessor_of(Preprocessing(version="2")).prepare is preprocessing_2.preprocess
    assert Preprocessing().version == CURRENT == "3"


def test_versions_differ_in_what_reaches_the_network() -> None:
    image = generate_image(11, None).image
    older, newer = (replace(Preprocessing(), version=version) for version in ("2", "3"))
    difference = preprocessor_of(older).prepare(image, older) - preprocessor_of(newer).prepare(image, newer)
    assert 0.0 < np.abs(difference).mean() < 0.15  # two heads differ by about 0.25


@pytest.mark.parametrize("version", ["1", "4", ""])
def test_a_version_that_this_release_lacks_is_refused_with_what_to_do(version: str) -> None:
    with pytest.raises(PreprocessingUnknown, match=r"Upgrade headct, or train again"):
        preprocessor_of(Preprocessing(version=version))
