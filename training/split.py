"""Splits that keep every patient on one side and the labels balanced.

Patients are put in the order of a salted hash of their name, so that the same patient falls on the same
side whatever the order of the table, and another salt gives another split. They are then dealt out, one
stratum at a time: normal only, hemorrhage only, both.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.dataset import Record

Indices = NDArray[np.intp]
FRACTIONS = (0.70, 0.15, 0.15)
"""Of the images: train, validation, test."""


@dataclass(frozen=True)
class Split:
    """Indices into the records; together all of them, no two parts share a patient."""

    train: Indices
    validation: Indices
    test: Indices


def split(records: Sequence[Record], salt: str) -> Split:
    """About 70 % train, 15 % validation, 15 % test, counted in images, in each stratum."""
    return Split(*deal(records, FRACTIONS, salt))


def folds(records: Sequence[Record], count: int, salt: str) -> list[Indices]:
    """The held-out indices of each of `count` folds of about equal size."""
    return deal(records, (1.0 / count,) * count, salt)


def deal(records: Sequence[Record], fractions: Sequence[float], salt: str) -> list[Indices]:
    """Deal whole patients to parts of the given fractions; each patient to the part that lacks the most.

    Large patients are dealt first, as they are the hardest to balance; equals in the order of the hash.
    """
    strata: dict[frozenset[str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    labels: dict[str, set[str]] = defaultdict(set)
    for record in records:
        labels[record.group].add(record.label)
    for index, record in enumerate(records):
        strata[frozenset(labels[record.group])][record.group].append(index)
    parts: list[list[int]] = [[] for _ in fractions]
    for stratum in sorted(strata, key=sorted):
        patients = strata[stratum]
        size = sum(map(len, patients.values()))
        lacking = [fraction * size for fraction in fractions]
        for group in sorted(patients, key=lambda name: (-len(patients[name]), _rank(name, salt))):
            part = max(range(len(parts)), key=lambda i: lacking[i] / fractions[i])
            parts[part] += patients[group]
            lacking[part] -= len(patients[group])
    return [np.array(sorted(part), dtype=np.intp) for part in parts]


def _rank(group: str, salt: str) -> str:
    return hashlib.sha256(f"{salt}/{group}".encode()).hexdigest()
