"""Batches hold what the shares say, know what they know, and large patients do not rule them."""

import contextlib
import itertools
import threading

import numpy as np
import pytest

from images.constants import Preprocessing
from training.batches import BatchMaker, Images
from training.hyperparameters import SYNTHETIC_SHARES, Hyperparameters, Shares
from training.pool import Pool, draw_pool

NOTHING = Shares(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
SIZE = Preprocessing().size


@pytest.fixture(scope="module")
def pool() -> Pool:
    return draw_pool(21, 1, Preprocessing())


@pytest.fixture(scope="module")
def images(pool: Pool) -> Images:
    pixels = np.concatenate([pool.normals[:4], pool.bleeds[:4]]).astype(np.float32)[..., np.newaxis]
    patients = np.array([f"patient {i}" for i in range(8)])
    return Images(pixels, np.repeat(np.arange(2), 4), patients, np.array(["a"] * 8))


def test_a_batch_has_the_shapes_that_the_fit_expects(images: Images, pool: Pool) -> None:
    batch = BatchMaker(images, pool, Hyperparameters(batch_size=8), Shares()).draw()
    assert batch.pixels.shape == (8, SIZE, SIZE, 1)
    assert batch.heat.shape == (8, SIZE // 8, SIZE // 8)
    for flags in (batch.targets, batch.heat_known, batch.off_brain, batch.off_brain_known):
        assert flags.shape == (8,)
    assert all(value.dtype == np.float32 for value in vars(batch).values())


@pytest.mark.parametrize("shares", [Shares(), SYNTHETIC_SHARES])
def test_nearly_half_are_bleeds(shares: Shares, images: Images, pool: Pool) -> None:
    batch = BatchMaker(images, pool, Hyperparameters(batch_size=150), shares).draw()
    assert 0.35 < batch.targets.mean() < 0.65


def test_the_heat_map_is_known_for_normals_and_painted_bleeds_only(images: Images, pool: Pool) -> None:
    batch = BatchMaker(images, pool, Hyperparameters(batch_size=80), Shares()).draw()
    has_heat = batch.heat.max(axis=(1, 2)) > 0
    assert has_heat.any()
    assert (batch.targets[has_heat] == 1.0).all()
    assert (batch.heat_known[(batch.targets == 0.0) | has_heat] == 1.0).all()
    assert (batch.heat_known == 0.0).any()


def test_every_painted_bleed_has_a_place_on_the_heat_map_however_thin(images: Images, pool: Pool) -> None:
    shares = Shares(**{**vars(NOTHING), "painted": 1.0})
    batch = BatchMaker(
        images, pool, Hyperparameters(batch_size=60, thin_share=1.0, twin_share=0.0), shares
    ).draw()
    np.testing.assert_array_equal(batch.heat.max(axis=(1, 2)), batch.targets)
    assert batch.targets.mean() > 0.8
    assert (batch.heat.sum(axis=(1, 2))[batch.targets == 1] <= 2).any()


def test_a_painted_image_comes_next_without_its_paint(
    images: Images, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What it does by chance would differ between the two.
    monkeypatch.setattr("training.batches.degrade", lambda image, _: image)
    shares = Shares(**{**vars(NOTHING), "painted": 1.0})
    hyper = Hyperparameters(batch_size=40, thin_share=1.0, twin_share=1.0)
    batch = BatchMaker(images, pool, hyper, shares).draw()
    painted = np.flatnonzero(batch.targets[:-1])
    assert len(painted) > 10
    for known, wanted in ((batch.targets, 0.0), (batch.heat_known, 1.0), (batch.heat.max(axis=(1, 2)), 0.0)):
        assert (known[painted + 1] == wanted).all()
    paint = batch.pixels[painted] - batch.pixels[painted + 1]
    assert (paint >= 0.0).all()
    assert ((paint > 0.15).sum(axis=(1, 2, 3)) >= 8).all()


def test_the_level_of_a_real_normal_is_left_open(images: Images, pool: Pool) -> None:
    for kind, known in (("real_normals", 0.0), ("real_bleeds", 1.0)):
        shares = Shares(**{**vars(NOTHING), kind: 1.0})
        batch = BatchMaker(images, pool, Hyperparameters(batch_size=4), shares).draw()
        assert set(batch.off_brain_known) == {known}
        assert set(batch.off_brain) == {0.0}


def test_many_images_get_fewer_epochs_unless_a_number_is_asked() -> None:
    few, many = (Hyperparameters().epochs_of(steps) for steps in (10, 200))
    assert (few, many) == (50, 12)
    assert Hyperparameters(epochs=3).epochs_of(200) == 3
    assert Hyperparameters().epochs_of(10_000) == 1


def test_of_levels_those_below_are_told_and_those_between_are_left_open(pool: Pool) -> None:
    shares = Shares(**{**vars(NOTHING), "levels": 1.0})
    batch = BatchMaker(None, pool, Hyperparameters(batch_size=40), shares).draw()
    assert (batch.targets == 0.0).all()
    np.testing.assert_array_equal(batch.off_brain, batch.off_brain_known)
    assert set(batch.off_brain) == {0.0, 1.0}


def test_without_real_images_all_come_from_the_pool(pool: Pool) -> None:
    batch = BatchMaker(None, pool, Hyperparameters(batch_size=20), SYNTHETIC_SHARES).draw()
    assert np.isfinite(batch.pixels).all()


def test_batches_repeat_with_the_seed(images: Images, pool: Pool) -> None:
    hyper = Hyperparameters(batch_size=4)
    one, other = (BatchMaker(images, pool, hyper, Shares()).draw() for _ in range(2))
    np.testing.assert_array_equal(one.pixels, other.pixels)


def test_batches_drawn_ahead_are_the_same_and_their_thread_ends_with_them(images: Images, pool: Pool) -> None:
    hyper = Hyperparameters(batch_size=4)
    one, other = (BatchMaker(images, pool, hyper, Shares()) for _ in range(2))
    with contextlib.closing(one.draw_ahead()) as ahead:
        for batch in itertools.islice(ahead, 3):
            np.testing.assert_array_equal(batch.pixels, other.draw().pixels)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("draw")]


def test_slices_of_a_large_patient_count_less_each() -> None:
    pixels = np.zeros((6, 8, 8, 1), dtype=np.float32)
    groups = np.array(["a", "a", "a", "a", "b", "c"])
    weights = Images(pixels, np.array([0, 0, 0, 0, 0, 1]), groups, np.array(["s"] * 6)).weights(0)
    np.testing.assert_allclose(weights, np.array([0.5, 0.5, 0.5, 0.5, 1.0, 0.0]) / 3.0)


def test_a_source_is_drawn_as_often_for_bleeds_as_for_normals() -> None:
    targets = np.array([0, 0, 0, 1, 0, 1, 0, 1])
    groups, sources = np.array(list("aabbcdef")), np.repeat(["one", "other"], 4)
    images = Images(np.zeros((8, 8, 8, 1), dtype=np.float32), targets, groups, sources)
    for target in (0, 1):
        of_one = images.weights(target)[:4].sum()
        np.testing.assert_allclose(of_one, 2 / 6)  # patients


def test_a_source_with_one_bleed_is_not_drawn_for_most_of_the_bleeds() -> None:
    targets = np.array([*[0] * 40, 1, 1, 1, 1])
    groups, sources = np.arange(44).astype(str), np.array([*["many"] * 41, *["few"] * 3])
    images = Images(np.zeros((44, 8, 8, 1), dtype=np.float32), targets, groups, sources)
    np.testing.assert_allclose(images.weights(1)[40:], [3 / 6, 1 / 6, 1 / 6, 1 / 6])
