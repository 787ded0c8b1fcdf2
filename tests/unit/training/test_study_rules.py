"""Candidates are measured on patients that their calibration has not seen; what ships comes of it."""

from pathlib import Path

import numpy as np
import pytest

from models.store import shipped_model
from training.dataset import Record
from training.judged import Judged
from training.study_rules import (
    Study,
    candidates,
    cross_validate,
    fit_rule,
    heads_of,
    mean_of,
    thinned,
    told,
)


@pytest.fixture(scope="module")
def studies() -> list[Study]:
    """Forty heads: bleeds fill neighbouring slices, and any head may have a lone high one."""
    rng = np.random.default_rng(1)
    made = []
    for number in range(40):
        quiet = rng.uniform(0.02, 0.3, 16)
        quiet[rng.integers(16)] = 0.9
        bleeding = quiet.copy()
        first = rng.integers(2, 10)
        bleeding[first : first + 5] = rng.uniform(0.5, 0.9, 5)
        stand_in = np.delete(quiet, slice(first, first + 5))
        for said, places in ((bleeding, tuple(range(first, first + 5))), (stand_in, ())):
            made.append(Study(f"p{number}", bool(places), tuple(said.tolist()), places, 0))
    return made


def test_neighbours_tell_what_a_lone_slice_does_not(studies: list[Study]) -> None:
    by_mean, by_maximum = (cross_validate(studies, mean_of(window)) for window in (5, 1))
    assert by_mean["auc"] > 0.98 > by_maximum["auc"]
    low, high = by_mean["sensitivity_ci95"]
    assert 0.0 < low <= high <= 1.0


def test_where_heads_and_stand_ins_have_as_many_slices_numbers_tell_nothing(
    studies: list[Study],
) -> None:
    numbers = candidates(shipped_model().card.operating_point)["number of slices"]
    assert cross_validate(studies, numbers)["auc"] > 0.99
    alike = thinned(studies)
    assert cross_validate(alike, numbers)["auc"] == 0.5
    for head, cut in zip(studies, alike, strict=True):
        assert {head.probabilities[place] for place in head.bleeding} <= set(cut.probabilities)


def test_the_rule_reaches_its_sensitivity_on_what_it_was_fit_on(
    studies: list[Study],
) -> None:
    rule = fit_rule(studies, 5, "mean5-0")
    said = [rule.decide(one.probabilities).probability or 0.0 for one in studies if one.bleeds]
    assert np.mean([one >= rule.threshold for one in said]) >= 0.95
    assert rule.uncertain_low < rule.threshold < rule.uncertain_high
    assert "40 stand-ins" in told(studies, {"mean of 5": mean_of(5)}, rule)


def test_a_head_is_taken_in_the_order_of_its_slices_and_stands_in_without_its_bleed() -> None:
    labels = ["normal"] * 4 + ["hemorrhage", "normal"]
    order = (3, 1, 5, 0, 2, 4)
    records = [Record(Path(f"{i}"), labels[i], "p", study="s", position=float(i)) for i in order]
    probabilities = np.array([0.1 * i for i in order])
    none = np.zeros(6, dtype=np.bool_)
    judged = Judged(probabilities, probabilities > 0.35, none, np.array([i == 0 for i in order]))
    head, stand_in = heads_of(records, judged)
    assert (head.bleeds, stand_in.bleeds) == (True, False)
    assert head.probabilities == pytest.approx((0.1, 0.2, 0.3, 0.4, 0.5))
    assert stand_in.probabilities == pytest.approx((0.1, 0.2, 0.3, 0.5))
    assert (head.called, stand_in.called) == (2, 1)
    assert (head.bleeding, stand_in.bleeding) == ((3,), ()), "among the assessed slices"
