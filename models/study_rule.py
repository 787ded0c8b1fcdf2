"""How the probabilities of a study's slices become the study's: pure Python, as the scheduler applies it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from models.labels import BETWEEN_BOUNDS, CLASSES, NOT_ASSESSED, UNCERTAIN, LabelReason

NOTHING_ASSESSED: Final = LabelReason("nothing_assessed", "the model judges none of its slices")
TOO_FEW_ASSESSED: Final = LabelReason("too_few_assessed", "the model judges too few of its slices")

MEAN: Final = "mean"
"""The one kind of rule: the greatest mean of neighbouring slices; a window of 1 gives the maximum."""
MOST_DRIVING: Final = 5


@dataclass(frozen=True)
class StudySaid:
    """What is said of one study.

    Attributes
    ----------
    probability
        Of a hemorrhage, calibrated; 0..1. None where no slice is assessed.
    label
        `hemorrhage`, `normal`, `uncertain` or `not assessed`.
    reason
        Why it is one of the last two; None otherwise.
    driving
        Places, among the assessed slices, of those that make the probability: the most probable first.
    """

    probability: float | None
    label: str
    reason: LabelReason | None
    driving: list[int]


@dataclass(frozen=True)
class StudyRule:
    """From the slices of a study to its probability and label; docs/evaluation.md says how it was chosen.

    Attributes
    ----------
    version
        Name and number, recorded with every result.
    kind
        `mean`: the rule's score is the greatest mean of neighbouring slices' probabilities.
    window
        Slices in such a mean; all of them where fewer are assessed.
    slope, intercept
        The study's log-odds are slope x log-odds of the score + intercept (Platt 1999).
    threshold
        Calibrated probability from which on a study counts as hemorrhage; 0..1.
    uncertain_low, uncertain_high
        From the one up to, but without, the other the label is `uncertain`. Equal bounds: never.
    least_assessed
        Assessed slices below which the label is `uncertain`, whatever they say.
    target_sensitivity
        That the threshold was chosen for; 0..1.
    """

    version: str
    kind: str
    window: int
    slope: float
    intercept: float
    threshold: float
    uncertain_low: float
    uncertain_high: float
    least_assessed: int = 3
    target_sensitivity: float | None = None

    def __post_init__(self) -> None:
        if self.kind != MEAN or self.window < 1:
            raise ValueError(f"unknown study rule {self.kind!r} over {self.window} slices")

    def decide(self, probabilities: Sequence[float]) -> StudySaid:
        """Probability and label of a study.

        Parameters
        ----------
        probabilities
            Calibrated, of the assessed slices of the series that counts, from feet to head; 0..1.
        """
        if not probabilities:
            return StudySaid(None, NOT_ASSESSED, NOTHING_ASSESSED, [])
        score, first = strongest_window(probabilities, self.window)
        places = range(first, min(first + self.window, len(probabilities)))
        driving = sorted(places, key=lambda place: -probabilities[place])[:MOST_DRIVING]
        probability = _expit(self.slope * _logit(score) + self.intercept)
        if len(probabilities) < self.least_assessed:
            return StudySaid(probability, UNCERTAIN, TOO_FEW_ASSESSED, driving)
        if self.uncertain_low <= probability < self.uncertain_high:
            bounds = f"{BETWEEN_BOUNDS.text}, {self.uncertain_low:.3f} and {self.uncertain_high:.3f}"
            return StudySaid(probability, UNCERTAIN, BETWEEN_BOUNDS._replace(text=bounds), driving)
        return StudySaid(probability, CLASSES[probability >= self.threshold], None, driving)


def strongest_window(probabilities: Sequence[float], window: int) -> tuple[float, int]:
    """The greatest mean of `window` neighbours, or the mean of all if they are fewer, and where it begins."""
    width = min(window, len(probabilities))
    means = [
        math.fsum(probabilities[first : first + width]) / width
        for first in range(len(probabilities) - width + 1)
    ]
    best = max(range(len(means)), key=means.__getitem__)
    return means[best], best


def _logit(probability: float) -> float:
    kept = min(max(probability, 1e-6), 1.0 - 1e-6)
    return math.log(kept / (1.0 - kept))


def _expit(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-log_odds)) if log_odds >= 0.0 else 1.0 - 1.0 / (1.0 + math.exp(log_odds))


SHIPPED_RULE: Final = StudyRule(
    version="mean3-3",
    kind=MEAN,
    window=3,
    slope=1.5252,
    intercept=0.3244,
    threshold=0.7951,
    uncertain_low=0.0352,
    uncertain_high=0.9909,
    target_sensitivity=0.95,
)
"""Of the shipped model, and of versions whose card names none: chosen by `training.default_weights`."""
