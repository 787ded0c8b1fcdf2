"""Splits that keep every patient on one side and the labels balanced.

Patients are put in the order of a salted hash of their name, so that the same patient falls on the same
side whatever the order of the table, and another salt gives another split. They are then dealt out, one
stratum at a time: normal only, hemorrhage only, both.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from db.states import Split
from training.dataset import Record

Indices = NDArray[np.intp]
Stratum = frozenset[str]
"""The labels that occur in one patient."""

FRACTIONS = {Split.TRAIN: 0.70, Split.VALIDATION: 0.15, Split.TEST: 0.15}
"""Of the images."""
SALT = "headct"
"""One for all homes: it hides nothing, and the same import shall have the same test images everywhere."""


def new_splits(records: Sequence[Record], there: Sequence[Record]) -> dict[str, Split]:
    """The split of each patient of `records`, so that all images together come near to `FRACTIONS`.

    Parameters
    ----------
    there
        Images whose split is decided, none of them of these patients.
    """
    splits = list(FRACTIONS)
    counts: dict[Stratum, list[int]] = defaultdict(lambda: [0] * len(splits))
    labels = _labels(there)
    for record in there:
        if record.split is not None:
            counts[labels[record.group]][splits.index(record.split)] += 1
    dealt = deal(records, list(FRACTIONS.values()), SALT, counts)
    return {
        records[index].group: split for split, indices in zip(splits, dealt, strict=True) for index in indices
    }


def folds(records: Sequence[Record], count: int, salt: str) -> list[Indices]:
    """The held-out indices of each of `count` folds of about equal size."""
    return deal(records, (1.0 / count,) * count, salt)


def deal(
    records: Sequence[Record],
    fractions: Sequence[float],
    salt: str,
    there: Mapping[Stratum, Sequence[int]] = MappingProxyType({}),
) -> list[Indices]:
    """Deal whole patients to splits of the given fractions; each patient to the split that lacks the most.

    Large patients are dealt first, as they are the hardest to balance; equals in the order of the hash.
    `there` says how many images of a stratum each split has already.
    """
    strata: dict[Stratum, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    labels = _labels(records)
    for index, record in enumerate(records):
        strata[labels[record.group]][record.group].append(index)
    splits: list[list[int]] = [[] for _ in fractions]
    for stratum in sorted(strata, key=sorted):
        patients = strata[stratum]
        counts = there.get(stratum, [0] * len(splits))
        size = sum(map(len, patients.values())) + sum(counts)
        lacking = [fraction * size - count for fraction, count in zip(fractions, counts, strict=True)]
        for group in sorted(patients, key=lambda name: (-len(patients[name]), _rank(name, salt))):
            split = max(range(len(splits)), key=lambda i: lacking[i] / fractions[i])
            splits[split] += patients[group]
            lacking[split] -= len(patients[group])
    return [np.array(sorted(split), dtype=np.intp) for split in splits]


def _labels(records: Sequence[Record]) -> dict[str, Stratum]:
    labels: dict[str, set[str]] = defaultdict(set)
    for record in records:
        labels[record.group].add(record.label)
    return {group: frozenset(found) for group, found in labels.items()}


def _rank(group: str, salt: str) -> str:
    return hashlib.sha256(f"{salt}/{group}".encode()).hexdigest()
