"""Slices of every level are reproducible, normal, look like CT, and are prepared or cleanly refused."""

import io

import numpy as np
import pytest
from PIL import Image

from core.errors import NotACtSlice
from images.constants import Preprocessing
from images.decoding import decode
from images.preprocessing import preprocess
from training.phantoms.levels import Level, generate_level


@pytest.mark.parametrize("level", list(Level))
def test_the_same_seed_draws_the_same_slice_and_another_seed_another_one(level: Level) -> None:
    one, same, other = (generate_level(seed, level, (160, 140)).image for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert one.tobytes() != other.tobytes()


@pytest.mark.parametrize("level", list(Level))
def test_every_level_is_normal_and_has_no_bleed(level: Level) -> None:
    image = generate_level(3, level)
    assert (image.label, image.bleed) == ("normal", None)


@pytest.mark.parametrize("size", [(96, 80), (128, 128), (512, 512)])
@pytest.mark.parametrize("level", list(Level))
def test_the_size_can_be_given(level: Level, size: tuple[int, int]) -> None:
    assert generate_level(1, level, size).image.shape == size


@pytest.mark.parametrize("level", [level for level in Level if level is not Level.BRAIN])
def test_sizes_and_framing_vary(level: Level) -> None:
    shapes = {generate_level(seed, level).image.shape for seed in range(12)}
    assert len(shapes) > 4
    assert any(height == width for height, width in shapes)


@pytest.mark.parametrize("level", list(Level))
def test_air_is_black_bone_is_white_and_soft_tissue_lies_between(level: Level) -> None:
    for seed in range(6):
        image = generate_level(seed, level).image
        assert image.dtype == np.uint8
        assert (image < 30).mean() > 0.1
        assert (image == 255).mean() > 0.01
        assert ((image > 30) & (image < 250)).mean() > 0.01


@pytest.mark.parametrize("level", list(Level))
def test_a_head_is_found_in_most_and_the_others_are_refused_as_no_slice(level: Level) -> None:
    found = 0
    for seed in range(20):
        buffer = io.BytesIO()
        Image.fromarray(generate_level(seed, level).image).save(buffer, "PNG")
        try:
            prepared = preprocess(decode(buffer.getvalue()), Preprocessing())
        except NotACtSlice:
            continue
        assert np.isfinite(prepared).all()
        found += 1
    assert found >= (0 if level is Level.NECK else 11)
