"""Chooses the rule that makes a study's probability, on slices that fits judge which saw none of its patient.

Whole heads that bleed are studies that bleed. The same head without its slices that bleed, and without those
about them that are labelled `ambiguous`, stands in for one that does not.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from models.card import OperatingPoint
from models.study_rule import MEAN, SHIPPED_RULE, StudyRule, strongest_window
from training.calibrate import bounds_around, threshold_for
from training.dataset import Record
from training.evaluate import measure
from training.judged import Floats, Judged
from training.metrics import Metrics
from training.study_figures import cut_about, studies_of

FOLDS, REPEATS, SEED, SENSITIVITY = 5, 5, 1, 0.95
CONSERVATIVE: Final = 1.0
"""Inverse strength of the penalty on slopes: a hundred studies may be told apart without an error."""
FIGURES: Final = ("auc", "sensitivity", "specificity", "log_loss")
Scores = Callable[[Sequence[float]], list[float]]


@dataclass(frozen=True)
class Study:
    """One head, or what stands in for one.

    Attributes
    ----------
    probabilities
        Calibrated, of its assessed slices, from the feet.
    bleeding
        Places among them of those that bleed; none in a stand-in.
    called
        Slices that are called hemorrhage.
    """

    patient: str
    bleeds: bool
    probabilities: tuple[float, ...]
    bleeding: tuple[int, ...]
    called: int


def mean_of(window: int) -> Scores:
    """The greatest mean of that many neighbours; 1 gives the maximum."""
    return lambda probabilities: [_log_odds(strongest_window(probabilities, window)[0])]


def share(threshold: float) -> Scores:
    """The share of slices at or above the slices' own threshold."""
    return lambda probabilities: [float(np.mean(np.asarray(probabilities) >= threshold))]


def candidates(point: OperatingPoint) -> dict[str, Scores]:
    """The rules, and the trivial baseline: what tells a head from its stand-in without looking."""
    shares = share(point.threshold)
    means = [mean_of(window) for window in (1, 3, 5)]
    return {
        "maximum": means[0],
        "mean of 3": means[1],
        "mean of 5": means[2],
        "mean of 7": mean_of(7),
        "share above the threshold": shares,
        "logistic regression": lambda given: [x for one in (*means, shares) for x in one(given)],
        "number of slices": lambda given: [float(len(given)) / 10.0],
    }


def heads_of(records: Sequence[Record], judged: Judged) -> list[Study]:
    """Each head and its stand-in, where both have as many assessed slices as a verdict needs."""
    made = []
    for study in studies_of(records, 1):
        places = [place for place in study.places if not judged.not_assessed[place]]
        rest = [place for place in places if not records[place].target]
        enough = study.bleeds and len(rest) >= SHIPPED_RULE.least_assessed
        for bleeds, taken in ((True, places), (False, rest)) if enough else ():
            said = tuple(float(judged.probabilities[place]) for place in taken)
            called = int(np.sum(judged.positive[taken] & judged.certain[taken]))
            bleeding = tuple(turn for turn, place in enumerate(taken) if records[place].target)
            made.append(Study(study.patient, bleeds, said, bleeding, called))
    return made


def thinned(studies: Sequence[Study]) -> list[Study]:
    """Each head with as many slices as its stand-in, about its bleed: numbers tell nothing."""
    numbers = {one.patient: len(one.probabilities) for one in studies if not one.bleeds}
    made = []
    for one in studies:
        number = len(one.probabilities)
        count = min(numbers[one.patient], number)
        kept = cut_about(one.bleeding, count, number) if one.bleeding else slice(number)
        made.append(replace(one, probabilities=one.probabilities[kept]))
    return made


def cross_validate(studies: Sequence[Study], scores: Scores, seed: int = SEED) -> Metrics:
    """Figures of one rule; calibration and threshold of a fold come from the other folds' patients.

    Means over the repeats; the intervals are a bootstrap over patients of the first.
    """
    features = np.array([scores(one.probabilities) for one in studies])
    targets = np.array([int(one.bleeds) for one in studies])
    patients = np.array([one.patient for one in studies])
    names = np.unique(patients)
    rng = np.random.default_rng(seed)
    probabilities, reaches = np.zeros((REPEATS, len(studies))), np.zeros((REPEATS, len(studies)))
    for repeat in range(REPEATS):
        dealt = dict(zip(rng.permutation(names), np.arange(len(names)) % FOLDS, strict=True))
        folds = np.array([dealt[patient] for patient in patients])
        for fold in range(FOLDS):
            here, others = folds == fold, folds != fold
            model = platt(features[others], targets[others])
            said = model.decision_function(features[others])
            threshold = threshold_for(said, targets[others], SENSITIVITY)
            probabilities[repeat, here] = model.predict_proba(features[here])[:, 1]
            reaches[repeat, here] = probabilities[repeat, here] >= threshold
    each = [
        measure(targets, _judged(one, at >= 0.5), patients, seed=seed, repeats=500 if number == 0 else 1)
        for number, (one, at) in enumerate(zip(probabilities, reaches, strict=True))
    ]
    means = {name: float(np.mean([one[name] for one in each])) for name in FIGURES}
    return {**means, **{name: ends for name, ends in each[0].items() if name.endswith("_ci95")}}


def platt(features: Floats, targets: NDArray[Any]) -> LogisticRegression:
    """Log-odds that are linear in the features (Platt 1999)."""
    return LogisticRegression(C=CONSERVATIVE).fit(features, targets)


def fit_rule(studies: Sequence[Study], window: int, version: str) -> StudyRule:
    """The rule by means of that many slices, calibrated on all studies."""
    scores = np.array([mean_of(window)(one.probabilities) for one in studies])
    targets = np.array([int(one.bleeds) for one in studies])
    model = platt(scores, targets)
    said = model.decision_function(scores)
    threshold = threshold_for(said, targets, SENSITIVITY)
    low, high = bounds_around(1.0 / (1.0 + np.exp(-said)), threshold)
    return StudyRule(
        version=version,
        kind=MEAN,
        window=window,
        slope=round(float(model.coef_[0, 0]), 4),
        intercept=round(float(model.intercept_[0]), 4),
        threshold=round(threshold, 4),
        uncertain_low=round(low, 4),
        uncertain_high=round(high, 4),
        target_sensitivity=SENSITIVITY,
    )


def _judged(probabilities: Floats, reaches: NDArray[np.bool_]) -> Judged:
    none = np.zeros(len(probabilities), dtype=np.bool_)
    return Judged(probabilities, reaches, none, none)


def _log_odds(probability: float) -> float:
    return float(logit(np.clip(probability, 1e-6, 1.0 - 1e-6)))


def _figure(metrics: Metrics, name: str) -> str:
    low, high = metrics[f"{name}_ci95"]
    return f"{metrics[name]:.3f} ({low:.3f} to {high:.3f})"


def told(studies: Sequence[Study], rules: dict[str, Scores], rule: StudyRule) -> str:
    """The figures of each candidate, and what the rule says of the studies that it was fit on."""
    alike = thinned(studies)
    lines = [" | ".join(("rule", *FIGURES, "AUC at equal numbers of slices"))]
    for name, scores in rules.items():
        found = cross_validate(studies, scores)
        cells = [_figure(found, one) for one in FIGURES]
        lines.append(" | ".join((name, *cells, _figure(cross_validate(alike, scores), "auc"))))
    lines.append(json.dumps(vars(rule)))
    for name, flag in (("that bleed", True), ("stand-ins", False)):
        of_kind = [one for one in studies if one.bleeds is flag]
        labels = Counter(rule.decide(one.probabilities).label for one in of_kind)
        slices = np.median([len(one.probabilities) for one in of_kind])
        called = np.mean([one.called for one in of_kind])
        lines.append(f"{len(of_kind)} {name}: {dict(labels)}, {slices:g} slices assessed (median)")
        lines.append(f"  {called:.2f} slices called hemorrhage in each")
    return "\n".join(lines)
