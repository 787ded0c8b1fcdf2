"""A card tells in words what a version is for, what it saw, where it fails."""

from pathlib import Path

from training.dataset import Record
from training.statement import statement


def test_known_sources_are_named_with_their_terms_and_a_sites_own_only_counted() -> None:
    records = [
        Record(Path("a"), "normal", "p1", source="known"),
        Record(Path("b"), "hemorrhage", "p1", source="known"),
        Record(Path("c"), "hemorrhage", "p2", source="Ann Smith"),
    ]
    said = statement(records, {"known": "public, terms", "absent": "never seen"})
    assert set(said) == {"intended_use", "data", "known_failures", "refused"}
    assert said["data"] == (
        "known (public, terms): slices 2, patients 1, slices with a hemorrhage 1. "
        "Sources of this site (1): slices 1, patients 1, slices with a hemorrhage 1."
    )
    assert "Research use only" in said["intended_use"]
