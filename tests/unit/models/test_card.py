"""The card survives JSON and applies its threshold."""

from dataclasses import replace

from models.card import ModelCard
from models.store import shipped_model


def test_a_card_is_the_same_after_json() -> None:
    card = shipped_model().card
    assert ModelCard.from_json(card.to_json()) == card


def test_a_scan_is_labelled_hemorrhage_from_the_threshold_on() -> None:
    card = replace(shipped_model().card, threshold=0.4)
    assert [card.label(p) for p in (0.0, 0.39, 0.4, 1.0)] == ["normal", "normal", "hemorrhage", "hemorrhage"]


def test_the_shipped_card_says_how_good_the_model_is_and_how_that_was_measured() -> None:
    card = shipped_model().card
    assert card.protocol
    assert len(card.data_fingerprint) == 64
    for name in ("accuracy", "auc", "sensitivity", "specificity"):
        low, high = card.metrics[f"{name}_ci95"]
        assert 0.0 <= low <= card.metrics[name] <= high <= 1.0
    assert card.metrics["accuracy"] > card.baselines["cues"]["accuracy"]
