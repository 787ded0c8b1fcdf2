"""A study's probability is that of its strongest neighbouring slices; its label says what it rests on."""

from dataclasses import replace

import pytest

from models.labels import BETWEEN_BOUNDS
from models.store import shipped_model
from models.study_rule import NOTHING_ASSESSED, SHIPPED_RULE, TOO_FEW_ASSESSED, StudyRule, strongest_window

RULE = StudyRule("mean3-0", "mean", 3, 1.0, 0.0, 0.5, 0.4, 0.6)


def test_the_strongest_neighbours_drive_it_the_most_probable_first() -> None:
    said = RULE.decide([0.1, 0.1, 0.8, 0.9, 0.7, 0.1])
    assert said.probability == pytest.approx(0.8)
    assert (said.label, said.reason, said.driving) == ("hemorrhage", None, [3, 2, 4])


def test_a_lone_slice_weighs_less_than_neighbours() -> None:
    assert RULE.decide([0.1, 0.9, 0.1, 0.1]).label == "normal"
    assert replace(RULE, window=1).decide([0.1, 0.9, 0.1, 0.1]).label == "hemorrhage"


def test_between_the_bounds_a_person_has_to_look() -> None:
    said = RULE.decide([0.5, 0.5, 0.5])
    assert (said.label, said.reason) == (
        "uncertain",
        (BETWEEN_BOUNDS.code, f"{BETWEEN_BOUNDS.text}, 0.400 and 0.600"),
    )


def test_of_few_slices_the_probability_is_told_but_no_verdict() -> None:
    said = RULE.decide([0.9, 0.8])
    assert said.probability == pytest.approx(0.85)
    assert (said.label, said.reason, said.driving) == ("uncertain", TOO_FEW_ASSESSED, [0, 1])


def test_without_an_assessed_slice_nothing_is_said() -> None:
    said = RULE.decide([])
    assert (said.probability, said.label, said.reason, said.driving) == (
        None,
        "not assessed",
        NOTHING_ASSESSED,
        [],
    )


def test_at_most_five_slices_drive_it() -> None:
    assert replace(RULE, window=7).decide([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.0]).driving == [6, 5, 4, 3, 2]


def test_the_log_odds_are_calibrated_and_extremes_stay_probabilities() -> None:
    assert replace(RULE, slope=2.0, intercept=-1.0).decide([0.5, 0.5, 0.5]).probability == pytest.approx(
        0.2689, abs=1e-4
    )
    for extreme in (0.0, 1.0):
        said = replace(RULE, slope=100.0).decide([extreme] * 3)
        assert said.probability == pytest.approx(extreme)


def test_the_first_of_equal_windows_counts() -> None:
    assert strongest_window([0.5, 0.5, 0.5, 0.5], 3) == (0.5, 0)


def test_a_rule_of_another_release_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown study rule 'median'"):
        replace(RULE, kind="median")


def test_the_rule_of_the_code_is_that_of_the_shipped_card() -> None:
    assert shipped_model().card.study_rule == SHIPPED_RULE
