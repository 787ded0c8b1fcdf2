"""No patient is on two sides, whatever the data."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.card import CLASSES
from training.dataset import Record, load_dataset
from training.split import Split, folds, split


def record(label: str, group: str) -> Record:
    return Record(Path("x"), label, group)


records = st.lists(
    st.builds(record, st.sampled_from(CLASSES), st.integers(0, 30).map(str)), min_size=1, max_size=80
)


def patients(of: Sequence[Record], indices: np.ndarray) -> set[str]:
    return {of[i].group for i in indices}


@given(records, st.text(max_size=4))
def test_no_patient_is_in_two_parts_and_none_is_lost(made: list[Record], salt: str) -> None:
    parts = split(made, salt)
    sides = [patients(made, part) for part in (parts.train, parts.validation, parts.test)]
    assert sum(map(len, sides)) == len(set().union(*sides))
    assert sorted(np.concatenate([parts.train, parts.validation, parts.test])) == list(range(len(made)))


@given(records, st.integers(2, 5))
def test_folds_partition_the_records_by_patient(made: list[Record], count: int) -> None:
    held_out = folds(made, count, "salt")
    assert sorted(np.concatenate(held_out)) == list(range(len(made)))
    for i, fold in enumerate(held_out):
        rest = np.setdiff1d(np.arange(len(made)), fold)
        assert not patients(made, fold) & patients(made, rest), i


@given(records)
def test_the_order_of_the_table_does_not_matter(made: list[Record]) -> None:
    straight, turned = split(made, "s"), split(made[::-1], "s")
    assert patients(made, straight.test) == patients(made[::-1], turned.test)


def test_every_part_has_both_labels_with_three_patients_each() -> None:
    made = [record(label, f"{label}{i}") for label in ("normal", "hemorrhage") for i in range(3)]
    parts = split(made, "s")
    for part in (parts.train, parts.validation, parts.test):
        assert {made[i].label for i in part} == {"normal", "hemorrhage"}


def test_the_parts_of_the_development_set_are_balanced(real_scans: Path) -> None:
    made = load_dataset(real_scans).records
    parts = split(made, "1")
    assert isinstance(parts, Split)
    for part, fraction in ((parts.train, 0.70), (parts.validation, 0.15), (parts.test, 0.15)):
        assert abs(len(part) / len(made) - fraction) < 0.06
        share = np.mean([made[i].label == "hemorrhage" for i in part])
        assert 0.3 < share < 0.7


def test_another_salt_gives_another_split(real_scans: Path) -> None:
    made = load_dataset(real_scans).records
    assert patients(made, split(made, "1").test) != patients(made, split(made, "2").test)
