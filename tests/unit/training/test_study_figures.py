"""A study is judged by its rule on its assessed slices in order, and counted as images are."""

from pathlib import Path

import numpy as np

from models.study_rule import StudyRule
from training.dataset import Record
from training.judged import Judged
from training.study_figures import LabelledStudy, studies_of, study_metrics, with_stand_ins

RULE = StudyRule("mean3-0", "mean", 3, 1.0, 0.0, 0.5, 0.5, 0.5)


def record(name: str, label: str, study: str | None, position: float | None = None) -> Record:
    return Record(Path(name), label, f"patient of {study}", study=study, position=position)


def test_slices_are_in_order_of_position_else_of_name_and_one_that_bleeds_makes_the_study_bleed() -> None:
    records = [
        record("3.dcm", "normal", "a", 10.0),
        record("1.dcm", "hemorrhage", "a", 20.0),
        record("2.dcm", "normal", "a", 0.0),
        record("lone.png", "normal", None),
        *(record(f"{number}.png", "normal", "b") for number in (10, 9, 8)),
        record("few.dcm", "hemorrhage", "c", 0.0),
    ]
    assert studies_of(records, 3) == [
        LabelledStudy("patient of a", True, (2, 0, 1)),
        LabelledStudy("patient of b", False, (6, 5, 4)),
    ]
    assert [one.bleeds for one in studies_of(records, 3, {"a": "normal", "b": "hemorrhage"})] == [False, True]


def test_where_all_studies_bleed_their_other_slices_stand_in_for_bleed_free_ones() -> None:
    bleeding = {4, 5, 6}
    labels = ["hemorrhage" if i in bleeding else "normal" for i in range(8)]
    records = [record(f"{i}.dcm", label, "a", float(i)) for i, label in enumerate(labels)]
    records += [record(f"{i}.dcm", "hemorrhage", "b", float(i)) for i in range(4)]
    studies = studies_of(records, 3)
    assert with_stand_ins(studies, records, 3) == [
        LabelledStudy("patient of a", True, (3, 4, 5, 6, 7)),
        LabelledStudy("patient of a", False, (0, 1, 2, 3, 7)),
    ]
    both = [*studies, LabelledStudy("c", False, (0, 1, 2))]
    assert with_stand_ins(both, records, 3) == both


def test_what_is_not_assessed_has_no_part_and_studies_are_counted_as_images_are() -> None:
    probabilities = np.array([0.9, 0.9, 0.9, 0.1, 0.1, 0.9, 0.1, 0.1, 0.9, 0.9, 0.9, 0.9])
    not_assessed = np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1], dtype=np.bool_)
    slices = Judged(probabilities, probabilities >= 0.5, np.zeros(12, dtype=np.bool_), not_assessed)
    studies = [
        LabelledStudy(f"p{number}", bleeds, tuple(range(3 * number, 3 * number + 3)))
        for number, bleeds in enumerate((True, False, False, True))
    ]
    figures = study_metrics(studies, slices, RULE, prevalence=0.1, seed=1)
    assert (figures["sensitivity"], figures["specificity"]) == (0.5, 1.0)
    assert (figures["not_assessed_share"], figures["bleeds_not_assessed"]) == (0.25, 1)
    assert figures["false_alarms_per_bleed_free_study"] == 1.0
    assert (figures["studies"], figures["bleed_free_studies"], figures["rule"]) == (4, 2, "mean3-0")
