"""Figures are those that can be counted by hand, and those of scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss, precision_score, recall_score, roc_auc_score

from models.card import OperatingPoint
from models.labels import NOT_ASSESSED, UNCERTAIN
from training.judged import EVEN_POINT, Judged
from training.metrics import calibration_error, counts, point_metrics

TARGETS = np.array([0, 0, 0, 0, 1, 1, 1, 1])
PROBABILITIES = np.array([0.1, 0.2, 0.3, 0.7, 0.4, 0.8, 0.9, 0.95])
LOGITS = np.log(PROBABILITIES / (1.0 - PROBABILITIES))
POINT = OperatingPoint(1.0, 0.5, 0.35, 0.75, 0.95, domain_limit=2.0)
DISTANCES = np.array([0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0])


def judge(logits: np.ndarray) -> Judged:
    return Judged.by(EVEN_POINT, logits, np.zeros(len(logits)))


def random_case(count: int = 60) -> tuple[np.ndarray, Judged, np.ndarray]:
    """Targets, judgements and weights, with ties among the scores."""
    rng = np.random.default_rng(2)
    targets, logits = rng.integers(0, 2, count), np.round(rng.normal(0.0, 2.0, count))
    return targets, judge(logits), rng.integers(0, 3, count).astype(float)


def test_each_image_is_judged_as_it_is_in_serving() -> None:
    rng = np.random.default_rng(3)
    logits, distances = rng.normal(0.0, 3.0, 200), rng.exponential(1.0, 200)
    point = OperatingPoint(1.7, 0.3, 0.2, 0.6, 0.95, domain_limit=2.0)
    judged = Judged.by(point, logits, distances)
    for i in range(200):
        decision = point.decide(logits[i], distances[i])
        assert judged.probabilities[i] == pytest.approx(decision.probability)
        assert judged.uncertain[i] == (decision.label == UNCERTAIN)
        assert judged.not_assessed[i] == (decision.label == NOT_ASSESSED)
        assert judged.flagged[i] == (decision.label in {UNCERTAIN, "hemorrhage"})
        if judged.certain[i]:
            assert judged.positive[i] == (decision.label == "hemorrhage")


def test_figures_are_those_counted_by_hand() -> None:
    judged = Judged.by(POINT, LOGITS, DISTANCES)
    figures = point_metrics(TARGETS, judged, 0.1)
    assert figures["sensitivity"] == figures["ppv"] == 3 / 4
    assert figures["specificity"] == figures["npv"] == 2 / 3
    assert figures["accuracy"] == 5 / 7
    assert figures["auc"] == pytest.approx(15 / 16)
    assert figures["uncertain_share"] == 2 / 8  # 0.7 and 0.4
    assert figures["not_assessed_share"] == 1 / 8  # 0.3
    assert figures["error_share_of_certain"] == 0.0
    assert figures["flagged_sensitivity"] == 1.0
    assert figures["ppv_at_prevalence"] == pytest.approx(0.1 * 0.75 / (0.1 * 0.75 + 0.9 / 3))
    assert counts(TARGETS, judged, np.array(list("aabbccdd"))) == {
        "images": 8,
        "groups": 4,
        "set_prevalence": 0.5,
        "confusion_matrix": {"tn": 2, "fp": 1, "fn": 1, "tp": 3},
        "bleeds_not_assessed": 0,
        "normals_not_assessed": 1,
        "errors": 2,
        "errors_of_certain": 0,
    }


def test_a_bleed_that_is_not_assessed_is_missed_and_a_normal_image_counts_for_nothing() -> None:
    assessed = Judged.by(replace(POINT, domain_limit=None), LOGITS, DISTANCES)
    bleed, normal = (replace(assessed, not_assessed=np.arange(8) == i) for i in (7, 3))  # 0.95, and 0.7
    figures = point_metrics(TARGETS, bleed, 0.1)
    assert (figures["sensitivity"], figures["specificity"], figures["accuracy"]) == (0.5, 0.75, 5 / 8)
    assert figures["flagged_sensitivity"] == 0.75
    counted = counts(TARGETS, bleed, np.array(list("aabbccdd")))
    assert (counted["errors"], counted["errors_of_certain"], counted["bleeds_not_assessed"]) == (3, 0, 1)
    figures = point_metrics(TARGETS, normal, 0.1)
    assert (figures["sensitivity"], figures["specificity"], figures["accuracy"]) == (0.75, 1.0, 6 / 7)


def test_what_is_said_of_the_probabilities_alone_is_over_all_images() -> None:
    judged = Judged.by(POINT, LOGITS, DISTANCES)
    everything, none = (replace(judged, not_assessed=np.full(8, flag)) for flag in (False, True))
    for name in ("auc", "log_loss", "brier", "calibration_error", "accuracy_at_half"):
        assert point_metrics(TARGETS, everything, 0.1)[name] == point_metrics(TARGETS, none, 0.1)[name]


def test_figures_are_those_of_scikit_learn_also_with_weights_and_ties() -> None:
    targets, judged, weights = random_case()
    figures = point_metrics(targets, judged, 0.1, weights)
    probabilities, positive = judged.probabilities, judged.positive
    expected = {
        "auc": roc_auc_score(targets, probabilities, sample_weight=weights),
        "log_loss": log_loss(targets, probabilities, sample_weight=weights),
        "brier": brier_score_loss(targets, probabilities, sample_weight=weights),
        "sensitivity": recall_score(targets, positive, sample_weight=weights),
        "specificity": recall_score(targets, positive, sample_weight=weights, pos_label=0),
        "ppv": precision_score(targets, positive, sample_weight=weights),
        "npv": precision_score(targets, positive, sample_weight=weights, pos_label=0),
    }
    for name, value in expected.items():
        assert figures[name] == pytest.approx(value), name


def test_predictive_values_at_a_prevalence_are_those_of_a_set_that_has_it() -> None:
    targets, judged, _ = random_case()
    weights = np.where(targets == 1, 0.1 / np.sum(targets == 1), 0.9 / np.sum(targets == 0))
    figures = point_metrics(targets, judged, 0.1)
    ppv = precision_score(targets, judged.positive, sample_weight=weights)
    npv = precision_score(targets, judged.positive, sample_weight=weights, pos_label=0)
    assert figures["ppv_at_prevalence"] == pytest.approx(ppv)
    assert figures["npv_at_prevalence"] == pytest.approx(npv)


def test_calibration_error_is_the_mean_gap_between_share_and_probability() -> None:
    probabilities = np.array([0.25, 0.25, 0.25, 0.25, 0.85, 0.85, 1.0, 1.0])
    targets = np.array([1, 0, 0, 0, 1, 0, 1, 1])  # gaps: none in 4 images, 0.35 in 2, none in 2
    assert calibration_error(targets, probabilities, np.ones(8)) == pytest.approx(0.35 * 2 / 8)


def test_what_is_undefined_is_no_number() -> None:
    figures = point_metrics(np.array([0, 0]), judge(np.array([-1.0, -2.0])), 0.1)
    assert figures["accuracy"] == 1.0
    assert np.isnan([figures["auc"], figures["sensitivity"], figures["ppv"]]).all()
