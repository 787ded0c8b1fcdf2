"""Baselines see the file, never the anatomy."""

from pathlib import Path

import numpy as np

from training.baselines import CUES, cue_probabilities, cues, majority_accuracy
from training.labelled.folder import read_folder


def test_cues_are_one_row_a_file(synthetic_scans: Path) -> None:
    records = read_folder(synthetic_scans)
    features = cues(records)
    assert features.shape == (len(records), len(CUES))
    np.testing.assert_allclose(features[:, 2], features[:, 0] / features[:, 1])
    assert features[0, 3] == records[0].path.stat().st_size


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
