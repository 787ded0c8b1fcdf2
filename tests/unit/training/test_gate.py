"""A candidate that is not worse is promoted; one that is worse in anything is not."""

from dataclasses import replace

import pytest

from models.store import shipped_model
from training.gate import FAVOURED, PERHAPS_FAVOURED, favour, judge

INCUMBENT = {
    "auc": 0.95,
    "sensitivity": 0.92,
    "specificity": 0.9,
    "log_loss": 0.25,
    "uncertain_share": 0.12,
    "not_assessed_share": 0.04,
}


def test_a_better_candidate_is_promoted_and_its_numbers_are_kept() -> None:
    verdict = judge({**INCUMBENT, "auc": 0.97}, INCUMBENT, {"auc": 0.02, "auc_ci95": [-0.01, 0.05]})
    assert verdict.promote
    assert verdict.rule.startswith("The new version is not worse. Promoted if")
    assert verdict.numbers["auc"] == {
        "candidate": 0.97,
        "incumbent": 0.95,
        "margin": 0.01,
        "ok": True,
        "difference_ci95": [-0.01, 0.05],
    }


def test_a_candidate_at_the_margins_is_promoted() -> None:
    at = {
        "auc": 0.94,
        "sensitivity": 0.87,
        "specificity": 0.8,
        "log_loss": 0.27,
        "uncertain_share": 0.27,
        "not_assessed_share": 0.14,
    }
    assert judge(at, INCUMBENT, None).promote


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("auc", 0.9399),
        ("sensitivity", 0.86),
        ("specificity", 0.79),
        ("log_loss", 0.28),
        ("uncertain_share", 0.3),
        ("not_assessed_share", 0.15),
        ("specificity", None),
        ("auc", None),
    ],
)
def test_a_candidate_that_is_worse_in_one_thing_is_not_promoted(name: str, value: float | None) -> None:
    verdict = judge({**INCUMBENT, name: value}, INCUMBENT, None)
    assert not verdict.promote
    assert verdict.rule.startswith(f"The new version is worse in {name.replace('_', ' ')}. Promoted if")


@pytest.mark.parametrize(("low", "promoted"), [(0.55, True), (0.45, False)])
def test_without_a_version_in_use_it_has_to_be_surely_above_chance(low: float, promoted: bool) -> None:
    verdict = judge({"auc": 0.8, "auc_ci95": [low, 0.9]}, None, None)
    assert verdict.promote is promoted
    assert verdict.rule.startswith("Its AUC is surely" if promoted else "Its AUC is not surely")


def test_an_auc_without_an_interval_is_not_above_chance() -> None:
    assert not judge({"auc": None}, None, None).promote


def test_what_favours_the_version_in_use_is_said() -> None:
    card = shipped_model().card
    assert favour(card, card.data_fingerprint, shipped=True) == FAVOURED
    assert favour(card, "other", shipped=True) == PERHAPS_FAVOURED
    assert favour(replace(card, version="site-1"), card.data_fingerprint, shipped=False) is None
    assert FAVOURED in judge(INCUMBENT, INCUMBENT, None, caveat=FAVOURED).rule
