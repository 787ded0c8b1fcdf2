"""How good a version is on whole studies: what its rule makes of their slices, beside the truth."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.name_order import by_name
from models.labels import NOT_ASSESSED, UNCERTAIN
from models.study_rule import StudyRule
from training.dataset import Record
from training.evaluate import measure
from training.judged import Judged
from training.metrics import Metrics

FIGURES = {
    "auc": "AUC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "flagged_sensitivity": "bleeding studies labelled hemorrhage or uncertain",
    "uncertain_share": "share uncertain",
    "not_assessed_share": "share not assessed",
    "false_alarms_per_bleed_free_study": "slices called hemorrhage in a bleed-free study",
}
"""What of `study_metrics` is shown, in words."""

THIRDS = ("lower third", "middle third", "upper third")
"""Levels of a head, by the number of its slices."""


@dataclass(frozen=True)
class LabelledStudy:
    """A study whose truth is known: its patient, and the places of its slices from feet to head."""

    patient: str
    bleeds: bool
    places: tuple[int, ...]


def studies_of(
    records: Sequence[Record], least: int, labels: Mapping[str, str] | None = None
) -> list[LabelledStudy]:
    """The studies that have at least so many of these images.

    Parameters
    ----------
    labels
        Study to label; None: a study bleeds if one of its slices does.
    """
    slices: dict[str, list[int]] = defaultdict(list)
    for place, record in enumerate(records):
        if record.study is not None:
            slices[record.study].append(place)
    found = []
    for study, places in slices.items():
        if len(places) >= least:
            places.sort(key=lambda place: _order(records[place]))
            said = {records[place].label for place in places} if labels is None else {labels[study]}
            found.append(LabelledStudy(records[places[0]].group, "hemorrhage" in said, tuple(places)))
    return found


def thirds_of(records: Sequence[Record]) -> dict[str, list[int]]:
    """The places of the slices of each third of the heads, for which a study and a position are known."""
    thirds: dict[str, list[int]] = {name: [] for name in THIRDS}
    for study in studies_of(records, len(THIRDS)):
        for turn, place in enumerate(study.places):
            if records[place].position is not None:
                thirds[THIRDS[turn * len(THIRDS) // len(study.places)]].append(place)
    return {name: places for name, places in thirds.items() if places}


def with_stand_ins(
    studies: Sequence[LabelledStudy], records: Sequence[Record], least: int
) -> list[LabelledStudy]:
    """The studies, and where all of them bleed, what stands in for bleed-free ones.

    Of each the slices that do not bleed, as a study; it is itself cut to as many slices about its bleed, so
    that the number tells nothing. What has fewer than `least` such slices is left out.
    """
    if not all(one.bleeds for one in studies):
        return list(studies)
    made = []
    for one in studies:
        bleeding = [i for i, place in enumerate(one.places) if records[place].target]
        rest = tuple(place for place in one.places if not records[place].target)
        count = len(rest)
        if bleeding and count >= least:
            made.append(replace(one, places=one.places[cut_about(bleeding, count, len(one.places))]))
            made.append(replace(one, bleeds=False, places=rest))
    return made


def cut_about(bleeding: Sequence[int], count: int, number: int) -> slice:
    """So many of a head's `number` slices about the middle of its bleed, given the places of what bleeds."""
    first = (bleeding[0] + bleeding[-1] + 1 - count) // 2
    first = min(max(first, 0), number - count)
    return slice(first, first + count)


def study_metrics(
    studies: Sequence[LabelledStudy], slices: Judged, rule: StudyRule, *, prevalence: float, seed: int
) -> Metrics:
    """Figures of `training.metrics`, of studies in place of images, and the false alarms among their slices.

    A study that is not assessed, or too little of which is, counts as images do that are `not assessed` or
    `uncertain`.
    """
    assessed = [[place for place in one.places if not slices.not_assessed[place]] for one in studies]
    said = [rule.decide(slices.probabilities[places].tolist()) for places in assessed]
    probabilities = np.array([0.5 if one.probability is None else one.probability for one in said])
    judged = Judged(
        probabilities,
        probabilities >= rule.threshold,
        np.array([one.label == UNCERTAIN for one in said], dtype=np.bool_),
        np.array([one.label == NOT_ASSESSED for one in said], dtype=np.bool_),
    )
    called = slices.positive & slices.certain
    alarms = [int(called[list(one.places)].sum()) for one in studies if not one.bleeds]
    targets: NDArray[np.intp] = np.array([one.bleeds for one in studies], dtype=np.intp)
    figures = measure(
        targets, judged, np.array([one.patient for one in studies]), prevalence=prevalence, seed=seed
    )
    return {
        **figures,
        "rule": rule.version,
        "studies": len(studies),
        "bleed_free_studies": len(alarms),
        "false_alarms_per_bleed_free_study": round(float(np.mean(alarms)), 4) if alarms else None,
    }


def _order(record: Record) -> tuple[bool, float, tuple[str, str]]:
    """By position; what has none comes after, by name."""
    return record.position is None, record.position or 0.0, by_name(record.path.name)
