"""How good a version is on images that it has not seen, and whether another one is better there."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.card import OperatingPoint
from training.bootstrap import REPEATS, Interval, intervals
from training.judged import Floats, Judged
from training.metrics import WITHOUT_INTERVAL, Metrics, counts, point_metrics

PREVALENCE = 0.10
"""Share of hemorrhages among the images to come. An assumption for a mixed stream of head CTs, not a finding:
put your site's in its place. Collections to train on hold about half, which flatters the PPV."""

COMPARED = (
    *("auc", "accuracy", "sensitivity", "specificity", "log_loss", "brier"),
    *("uncertain_share", "not_assessed_share"),
)


def evaluate(
    targets: NDArray[np.intp],
    logits: Floats,
    distances: Floats,
    groups: NDArray[np.str_],
    point: OperatingPoint,
    *,
    prevalence: float = PREVALENCE,
    seed: int,
) -> Metrics:
    """Every figure of `training.metrics`, with 95 % intervals.

    Parameters
    ----------
    targets
        (N,), 1 for hemorrhage.
    logits, distances
        The network's outputs, (N,) each.
    groups
        (N,), the patient of each image.
    point
        The version's operating point, chosen on other images.
    prevalence
        Share of hemorrhages for which predictive values are given too; 0..1.
    seed
        Of the bootstrap.
    """
    judged = Judged.by(point, logits, distances)
    return measure(targets, judged, groups, prevalence=prevalence, seed=seed)


def measure(
    targets: NDArray[np.intp],
    judged: Judged,
    groups: NDArray[np.str_],
    *,
    prevalence: float = PREVALENCE,
    seed: int,
    repeats: int = REPEATS,
) -> Metrics:
    """As `evaluate`, of images that are judged already, such as each by another fold's operating point."""
    ranges = intervals(
        lambda weights: point_metrics(targets, judged, prevalence, weights), targets, groups, seed, repeats
    )
    return {
        **rounded(point_metrics(targets, judged, prevalence)),
        "prevalence": prevalence,
        **rounded(counts(targets, judged, groups)),
        **as_figures(ranges),
    }


def paired_difference(
    targets: NDArray[np.intp],
    candidate: Judged,
    incumbent: Judged,
    groups: NDArray[np.str_],
    *,
    seed: int,
    repeats: int = REPEATS,
) -> Metrics:
    """Candidate minus incumbent on the same images, for the figures in `COMPARED`.

    Both are measured on the same draws of patients, so that what makes a draw hard cancels out.
    """

    def difference(weights: Floats | None = None) -> dict[str, float]:
        ours = point_metrics(targets, candidate, PREVALENCE, weights)
        theirs = point_metrics(targets, incumbent, PREVALENCE, weights)
        return {name: ours[name] - theirs[name] for name in COMPARED}

    ranges = intervals(difference, targets, groups, seed, repeats)
    return {**rounded(difference()), **as_figures(ranges)}


def as_figures(ranges: Mapping[str, Interval]) -> Metrics:
    """Intervals by their names among the figures."""
    return {f"{name}_ci95": ends for name, ends in ranges.items() if name not in WITHOUT_INTERVAL}


def rounded(values: Mapping[str, object]) -> Metrics:
    """Four digits, and None for what is undefined, which JSON knows and NaN it does not."""
    return {name: _round(value) if isinstance(value, float) else value for name, value in values.items()}


def _round(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
