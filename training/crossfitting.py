"""Figures of a cross-validation with operating points that no label of the judged image had a part in.

The point for a fold is chosen on what the other folds' fits said of the other folds' images. So no image is
judged by a threshold that its own label helped to choose, and no fit gives up training images for it.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from training.bootstrap import REPEATS, intervals
from training.calibrate import centre_and_calibrate
from training.crossvalidation import CrossValidation
from training.evaluate import PREVALENCE, as_figures, rounded
from training.judged import Floats, Judged
from training.metrics import Metrics, counts, point_metrics

PROTOCOL: Final = (
    "Offset, temperature, threshold and bounds of certainty of a fold are chosen on the held-out predictions "
    "of the other folds of the same repeat (cross-fitting). Figures are means over the repeats; 95 % "
    "intervals are from a bootstrap over patients, with all repeats measured on each draw: they tell how the "
    "figures would vary with other patients."
)


def judge_held_out(found: CrossValidation, target_sensitivity: float) -> list[Judged]:
    """Every image in every repeat, judged by the operating point of its fold."""
    guarded = bool(np.isfinite(found.limits).any())
    relative = found.distances / found.limits  # each fit has its own scale; 1 is its limit
    judged = []
    for folds, logits, distances in zip(found.folds, found.logits, relative, strict=True):
        parts, places = [], []
        for fold in np.unique(folds):
            here, others = np.flatnonzero(folds == fold), folds != fold
            offset, point = centre_and_calibrate(
                logits[others],
                found.targets[others],
                distances[others],
                target_sensitivity=target_sensitivity,
                domain_limit=1.0 if guarded else None,
            )
            parts.append(Judged.by(point, logits[here] + offset, distances[here]))
            places.append(here)
        judged.append(Judged.joined(parts, places))
    return judged


def measure_repeats(
    found: CrossValidation,
    judged: Sequence[Judged],
    *,
    prevalence: float = PREVALENCE,
    seed: int,
    repeats: int = REPEATS,
) -> Metrics:
    """The figures of `training.metrics`, each the mean over the repeats, with 95 % intervals.

    Parameters
    ----------
    judged
        As `judge_held_out` gives it.
    seed, repeats
        Of the bootstrap.
    """

    def mean(weights: Floats | None = None) -> dict[str, float]:
        each = [point_metrics(found.targets, one, prevalence, weights) for one in judged]
        return {name: float(np.mean([figures[name] for figures in each])) for name in each[0]}

    ranges = intervals(mean, found.targets, found.groups, seed, repeats)
    counted = [counts(found.targets, one, found.groups) for one in judged]
    means = ("bleeds_not_assessed", "normals_not_assessed", "errors", "errors_of_certain")
    return {
        **rounded(mean()),
        "prevalence": prevalence,
        "images": counted[0]["images"],
        "groups": counted[0]["groups"],
        "repeats": len(judged),
        **rounded({name: float(np.mean([one[name] for one in counted])) for name in means}),
        **as_figures(ranges),
    }
