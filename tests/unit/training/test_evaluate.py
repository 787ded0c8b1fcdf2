"""Metrics are right on cases that can be counted by hand."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from training.evaluate import choose_threshold, evaluate

TARGETS = np.array([0, 0, 0, 0, 1, 1, 1, 1])
PROBABILITIES = np.array([0.1, 0.2, 0.3, 0.7, 0.4, 0.8, 0.9, 0.95])
GROUPS = np.array(list("abcdefgh"))


def test_metrics_are_those_counted_by_hand() -> None:
    metrics = evaluate(TARGETS, PROBABILITIES, PROBABILITIES >= 0.5, GROUPS, seed=1)
    assert metrics["accuracy"] == 0.75
    assert metrics["sensitivity"] == 0.75
    assert metrics["specificity"] == 0.75
    assert metrics["auc"] == pytest.approx(15 / 16, abs=1e-4)


def test_auc_and_log_loss_are_those_of_scikit_learn_with_ties_too() -> None:
    rng = np.random.default_rng(2)
    targets = rng.integers(0, 2, 50)
    probabilities = np.round(rng.uniform(0.05, 0.95, 50), 1)
    metrics = evaluate(targets, probabilities, probabilities >= 0.5, np.arange(50).astype(str), seed=1)
    assert metrics["auc"] == pytest.approx(roc_auc_score(targets, probabilities), abs=1e-4)
    assert metrics["log_loss"] == pytest.approx(log_loss(targets, probabilities), abs=1e-4)


def test_the_interval_holds_the_value_and_is_wider_when_slices_share_patients() -> None:
    targets, probabilities = np.tile(TARGETS, 8), np.tile(PROBABILITIES, 8)
    apart = np.array([f"p{i}" for i in range(64)])
    together = np.tile(GROUPS, 8)
    narrow = evaluate(targets, probabilities, probabilities >= 0.5, apart, 1)["accuracy_ci95"]
    wide = evaluate(targets, probabilities, probabilities >= 0.5, together, 1)["accuracy_ci95"]
    assert narrow[0] <= 0.75 <= narrow[1]
    assert wide[1] - wide[0] > 1.5 * (narrow[1] - narrow[0])


def test_the_threshold_separates_the_classes_best() -> None:
    assert choose_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.33, 0.9])) == 0.3


def test_of_equal_thresholds_the_one_nearest_to_a_half_is_taken() -> None:
    assert choose_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9])) == 0.5
