"""Baselines see the file, never the anatomy."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import ImageTooLarge
from core.image_files import Limits
from images.decoding import decode
from tests.dicom_files import slice_that_shows
from training.baselines import CUES, cue_probabilities, cues, majority_accuracy
from training.dataset import Record
from training.labelled.folder import read_folders
from training.phantoms.synthetic import generate_image


def test_cues_are_one_row_a_file(synthetic_images: Path) -> None:
    records = read_folders([synthetic_images], Limits())
    features = cues(records, Limits())
    assert features.shape == (len(records), len(CUES))
    np.testing.assert_allclose(features[:, 2], features[:, 0] / features[:, 1])
    assert features[0, 3] == records[0].path.stat().st_size


def test_a_dicom_file_has_cues_and_no_colour(tmp_path: Path) -> None:
    path = tmp_path / "slice.dcm"
    path.write_bytes(slice_that_shows(generate_image(1, None).image))
    (found,) = cues([Record(path, "normal", "g")], Limits())
    grey = decode(path.read_bytes())
    assert list(found[:4]) == [*grey.shape[::-1], grey.shape[1] / grey.shape[0], path.stat().st_size]
    assert list(found[4:]) == pytest.approx([grey.mean(), grey.std(), 0.0, 0.0])


def test_tint_and_alpha_channel_are_those_of_the_file(tmp_path: Path) -> None:
    grey = generate_image(1, None).image
    blue = np.dstack([grey, grey, np.clip(grey.astype(int) + 6, 0, 255), np.full_like(grey, 255)])
    Image.fromarray(blue.astype(np.uint8)).save(tmp_path / "blue.png")
    (found,) = cues([Record(tmp_path / "blue.png", "normal", "g")], Limits())
    assert found[6] == pytest.approx(6.0, abs=0.5)
    assert found[7] == 1.0


def test_an_image_over_the_limit_is_refused_by_the_cues_too(tmp_path: Path) -> None:
    Image.fromarray(generate_image(1, None).image).save(tmp_path / "a.png")
    with pytest.raises(ImageTooLarge):
        cues([Record(tmp_path / "a.png", "normal", "g")], Limits(max_pixels=5_000))


def test_a_cue_that_tells_the_label_is_found() -> None:
    targets = np.array([0, 1] * 20)
    features = np.zeros((40, len(CUES)))
    features[:, 0] = 200.0 + 100.0 * targets
    train, test = np.arange(30), np.arange(30, 40)
    probabilities = cue_probabilities(features, targets, train, test)
    assert ((probabilities > 0.5) == targets[test]).all()


def test_the_majority_is_that_of_the_training_part() -> None:
    targets = np.array([1, 1, 0, 0, 0, 1])
    assert majority_accuracy(targets, np.array([0, 1, 2]), np.array([3, 4, 5])) == 1 / 3
