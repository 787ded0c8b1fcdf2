"""The card survives JSON; its operating point makes a label of the network's output."""

import math

import pytest

from models.card import ModelCard, OperatingPoint
from models.labels import BETWEEN_BOUNDS, OUTSIDE_DOMAIN
from models.store import shipped_model


def test_a_card_is_the_same_after_json() -> None:
    card = shipped_model().card
    assert ModelCard.from_json(card.to_json()) == card


POINT = OperatingPoint(
    temperature=2.0, threshold=0.5, uncertain_low=0.25, uncertain_high=0.75, domain_limit=3.0
)


def logit(probability: float) -> float:
    return POINT.temperature * math.log(probability / (1.0 - probability))


def test_between_the_bounds_a_person_has_to_read() -> None:
    said = [POINT.decide(logit(p), 0.0) for p in (0.01, 0.24, 0.26, 0.74, 0.76)]
    assert [one.label for one in said] == ["normal", "normal", "uncertain", "uncertain", "hemorrhage"]
    assert [one.reason for one in said] == [None, None, BETWEEN_BOUNDS, BETWEEN_BOUNDS, None]
    assert [one.probability for one in said] == pytest.approx([0.01, 0.24, 0.26, 0.74, 0.76])


def test_without_a_band_the_threshold_decides_and_belongs_to_hemorrhage() -> None:
    point = OperatingPoint(temperature=1.0, threshold=0.5, uncertain_low=0.5, uncertain_high=0.5)
    assert [point.decide(x, 99.0).label for x in (-0.1, 0.0, 0.1)] == ["normal", "hemorrhage", "hemorrhage"]


def test_what_the_network_has_not_learnt_is_not_assessed_however_sure_it_is() -> None:
    assert POINT.decide(20.0, 3.0).label == "hemorrhage"
    said = POINT.decide(20.0, 3.1)
    assert (said.label, said.reason) == ("not assessed", OUTSIDE_DOMAIN)


def test_extreme_log_odds_give_probabilities() -> None:
    assert POINT.probability(-1e6) == 0.0
    assert POINT.probability(1e6) == 1.0
    assert math.isnan(POINT.probability(math.nan))


def test_the_shipped_card_says_how_good_the_model_is_and_how_that_was_measured() -> None:
    card = shipped_model().card
    assert card.protocol
    assert len(card.data_fingerprint) == 64
    for name in ("accuracy", "auc", "sensitivity", "specificity"):
        low, high = card.metrics[f"{name}_ci95"]
        assert 0.0 <= low <= card.metrics[name] <= high <= 1.0
    assert card.metrics["accuracy"] > card.baselines["cues"]["accuracy"]
