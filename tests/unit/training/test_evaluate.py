"""Metrics come with intervals over patients, and two versions are compared on the same draws."""

import json

import numpy as np
import pytest

from models.card import OperatingPoint
from training.evaluate import evaluate, measure, paired_difference
from training.judged import EVEN_POINT, Judged

TARGETS = np.tile([0, 0, 0, 0, 1, 1, 1, 1], 4)
LOGITS = np.tile([-2.2, -1.4, -0.8, 0.8, -0.4, 1.4, 2.2, 2.9], 4)
ALONE = np.array([f"p{i}" for i in range(32)])
SHARED = np.tile(list("abcdefgh"), 4)
POINT = OperatingPoint(1.0, 0.5, 0.4, 0.6, 0.95)


def judge(logits: np.ndarray) -> Judged:
    return Judged.by(EVEN_POINT, logits, np.zeros(len(logits)))


def width(metrics: dict[str, list[float]], name: str) -> float:
    low, high = metrics[f"{name}_ci95"]
    return high - low


def test_the_interval_holds_the_value_and_is_wider_when_slices_share_patients() -> None:
    alone = measure(TARGETS, judge(LOGITS), ALONE, seed=1, repeats=200)
    shared = measure(TARGETS, judge(LOGITS), SHARED, seed=1, repeats=200)
    assert alone["accuracy"] == shared["accuracy"] == 0.75
    for name in ("accuracy", "auc", "log_loss", "sensitivity", "brier"):
        low, high = alone[f"{name}_ci95"]
        assert low <= alone[name] <= high
        assert width(shared, name) > 1.4 * width(alone, name)


def test_metrics_are_json_and_the_same_for_a_seed() -> None:
    first, second = (
        evaluate(TARGETS, LOGITS, np.zeros(32), SHARED, POINT, prevalence=0.2, seed=5) for _ in range(2)
    )
    assert json.loads(json.dumps(first, allow_nan=False)) == second
    assert first["prevalence"] == 0.2


def test_what_is_undefined_is_none_and_has_no_interval() -> None:
    metrics = measure(np.zeros(4, dtype=int), judge(-np.ones(4)), np.array(list("abcd")), seed=1)
    assert metrics["auc"] is None
    assert metrics["accuracy"] == 1.0
    assert not any(name.endswith("_ci95") for name in metrics)


def test_a_version_is_no_different_from_itself_and_a_better_one_is_surely_better() -> None:
    worse, better = judge(LOGITS), judge(np.where(TARGETS == 1, 2.0, -2.0))
    same = paired_difference(TARGETS, worse, worse, ALONE, seed=1, repeats=100)
    assert same["auc"] == 0.0
    assert same["auc_ci95"] == [0.0, 0.0]
    gain = paired_difference(TARGETS, better, worse, ALONE, seed=1, repeats=100)
    assert gain["accuracy"] == pytest.approx(0.25)
    assert gain["accuracy_ci95"][0] > 0.0
    assert gain["log_loss"] < 0.0
