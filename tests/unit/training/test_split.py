"""No patient is on two sides, whatever the data."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.image_files import Limits
from db.states import Split
from models.labels import CLASSES
from training.dataset import Record
from training.labelled.folder import read_folders
from training.split import FRACTIONS, folds, new_splits


def record(label: str, group: str) -> Record:
    return Record(Path("x"), label, group)


records = st.lists(
    st.builds(record, st.sampled_from(CLASSES), st.integers(0, 30).map(str)), min_size=1, max_size=80
)


def patients(of: Sequence[Record], indices: np.ndarray) -> set[str]:
    return {of[i].group for i in indices}


@given(records, st.integers(2, 5))
def test_folds_partition_the_records_by_patient(made: list[Record], count: int) -> None:
    held_out = folds(made, count, "salt")
    assert sorted(np.concatenate(held_out)) == list(range(len(made)))
    for i, fold in enumerate(held_out):
        rest = np.setdiff1d(np.arange(len(made)), fold)
        assert not patients(made, fold) & patients(made, rest), i


@given(records)
def test_the_order_of_the_table_does_not_matter(made: list[Record]) -> None:
    assert new_splits(made, []) == new_splits(made[::-1], [])


def test_another_salt_gives_other_folds(real_images: Path) -> None:
    made = read_folders([real_images], Limits())
    one, two = (folds(made, 5, salt) for salt in ("1", "2"))
    assert patients(made, one[0]) != patients(made, two[0])


def test_every_part_has_both_labels_with_three_patients_each() -> None:
    made = [record(label, f"{label}{i}") for label in CLASSES for i in range(3)]
    splits = new_splits(made, [])
    assert {(splits[one.group], one.label) for one in made} == {
        (p, label) for p in Split for label in CLASSES
    }


def test_new_patients_go_where_images_lack() -> None:
    there = [Record(Path("x"), "normal", f"t{i}", Split.TRAIN) for i in range(14)]
    splits = new_splits([record("normal", f"n{i}") for i in range(6)], there)
    assert sorted(splits.values()) == [Split.TEST] * 3 + [Split.VALIDATION] * 3


def test_the_parts_of_the_development_set_are_balanced(real_images: Path) -> None:
    made = read_folders([real_images], Limits())
    splits = new_splits(made, [])
    for split, fraction in FRACTIONS.items():
        chosen = [one for one in made if splits[one.group] is split]
        assert abs(len(chosen) / len(made) - fraction) < 0.06
        assert 0.3 < np.mean([one.label == "hemorrhage" for one in chosen]) < 0.7
