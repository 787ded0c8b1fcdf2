"""Painted blood is bright and lies inside the skull; decoys are none."""

import numpy as np
import pytest

from images.constants import Preprocessing
from images.preprocessing import preprocess
from training.painting import paint_bleed, paint_decoy
from training.phantoms.synthetic import generate_image
from training.thin_bleeds import paint_thin

SEEDS = range(40)  # enough for every kind to be painted


@pytest.fixture(scope="module")
def plane() -> np.ndarray:
    return preprocess(generate_image(1, None).image, Preprocessing())[:, :, 0]


def test_painted_blood_is_brighter_than_what_it_covers_and_inside_the_skull(plane: np.ndarray) -> None:
    seen = 0
    for seed in SEEDS:
        painted, mask = paint_bleed(plane, np.random.default_rng(seed))
        seen += mask.any()
        assert painted.dtype == np.float32
        assert (painted[mask] > plane[mask] + 0.1).all()
        assert (plane[mask] < 1.0).mean() > 0.9 if mask.any() else True
    assert seen > 0.8 * len(SEEDS)


def test_thin_blood_can_be_seen_and_lies_inside_the_skull(plane: np.ndarray) -> None:
    masks = []
    for seed in SEEDS:
        painted, mask = paint_thin(plane, np.random.default_rng(seed))
        if mask.any():
            assert mask.sum() >= 12
            assert (painted - plane)[mask].mean() >= 0.35
            assert (painted <= np.maximum(plane, np.percentile(plane, 99.0) + 0.01)).all()
            masks.append(mask)
    assert len(masks) > 0.8 * len(SEEDS)
    assert min(mask.sum() for mask in masks) < 60  # thin ones are among them


def test_blood_is_no_brighter_than_the_windows_white(plane: np.ndarray) -> None:
    narrow = np.minimum(plane, np.float32(0.8))
    for seed in SEEDS:
        assert paint_bleed(narrow, np.random.default_rng(seed))[0].max() < 0.81


def test_a_picture_repeats_with_the_seed(plane: np.ndarray) -> None:
    one, other = (paint_bleed(plane, np.random.default_rng(3))[0] for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_nothing_is_painted_where_there_is_no_brain() -> None:
    empty = np.zeros((128, 128), dtype=np.float32)
    painted, mask = paint_bleed(empty, np.random.default_rng(0))
    assert not mask.any()
    np.testing.assert_array_equal(painted, empty)
    assert not paint_thin(empty, np.random.default_rng(0))[1].any()
    np.testing.assert_array_equal(paint_decoy(empty, np.random.default_rng(0)), empty)


def test_decoys_are_dark_or_small_and_mostly_brighter_than_blood(plane: np.ndarray) -> None:
    peaks, areas = [], []
    for seed in SEEDS:
        painted = paint_decoy(plane, np.random.default_rng(seed))
        change = painted - plane
        brighter = change > 0.15
        assert not (brighter.any() and (change < -0.15).any())
        if brighter.any():
            peaks.append(painted[brighter].max())
            areas.append(brighter.sum())
    assert len(peaks) > 5
    assert np.median(peaks) > 1.4
    assert max(areas) < 60
