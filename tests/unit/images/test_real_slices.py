"""Every slice of the development set gets through decoding and preprocessing."""

from pathlib import Path

import numpy as np

from images.constants import Preprocessing
from images.decoding import decode
from images.preprocessing import preprocess


def test_every_real_slice_is_accepted_tinted_ones_and_those_with_alpha_too(real_images: Path) -> None:
    constants = Preprocessing()
    paths = sorted((real_images / "images").glob("*.png"))
    assert paths
    for path in paths:
        prepared = preprocess(decode(path.read_bytes()), constants)
        inside = prepared[prepared != 0.0]
        assert 0.3 < inside.size / prepared.size < 0.9, path.name
        assert abs(float(np.median(inside))) < 0.6, path.name
