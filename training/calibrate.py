"""Choosing the operating point on the validation split: temperature, threshold, bounds of certainty.

The validation split may hold two dozen images. Each rule here is therefore one that a few images can bear;
docs/evaluation.md gives the reasons.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit
from sklearn.metrics import log_loss, roc_curve

from models.card import OperatingPoint
from training.judged import Floats, outside_domain

TEMPERATURES = (0.2, 5.0)
PRIOR_SPREAD, OFFSET_SPREAD = 0.5, 1.0
"""Standard deviations of the log-normal prior about a temperature of 1, 95 % of which lies within 0.37 to
2.7, and of the normal prior about no offset, in calibrated log-odds.
They are worth a few images' log loss, so that a hundred outweigh it and a dozen that are told apart without
an error do not drive the temperature to its bound."""
REFERENCE_SHARE = 0.3
"""Of bleeds, that probabilities are meant for: about that of the shipped version's slices. What a site labels
is picked by people, so that its own share says nothing, and a study's rule would not carry over to it."""
THRESHOLDS = (0.1, 0.9)
"""One odd image among few must not make every image a hemorrhage, or none."""
BAND_SHARE = 0.125
"""Of the assessed validation images are uncertain: those nearest to the threshold."""


def calibrate(
    logits: Floats,
    targets: NDArray[np.intp],
    distances: Floats,
    *,
    target_sensitivity: float = 0.95,
    domain_limit: float | None,
) -> OperatingPoint:
    """The operating point for a network.

    Parameters
    ----------
    logits, distances
        The network's outputs for the validation images, (N,) each: images it was not fit on, and none of
        the test split. Those outside the domain are not assessed and so have no say.
    targets
        (N,), 1 for hemorrhage.
    target_sensitivity
        Share of the assessed hemorrhages that has to reach the threshold; 0..1.
    domain_limit
        Greatest distance that gets a label; None for no such guard.

    Returns
    -------
    OperatingPoint
        With a temperature of 1, a threshold of 0.5 and no target where one class is missing: a
        sensitivity or a log loss that only one class shaped says nothing.
    """
    inside = ~outside_domain(distances, domain_limit)
    logits, targets = logits[inside], targets[inside]
    if len(np.unique(targets)) < 2:
        low, high = bounds_around(expit(logits), 0.5)
        return OperatingPoint(1.0, 0.5, low, high, None, domain_limit)
    temperature = _temperature(logits, targets)
    threshold = threshold_for(logits / temperature, targets, target_sensitivity)
    low, high = bounds_around(expit(logits / temperature), threshold)
    return OperatingPoint(temperature, threshold, low, high, target_sensitivity, domain_limit)


def centre(logits: Floats, targets: NDArray[np.intp], distances: Floats, domain_limit: float | None) -> float:
    """What is to be added to a network's log-odds, so that its probabilities are right on the whole.

    Half of what it is fit on bleeds, much of it painted. The offset makes its log-odds those for a share of
    bleeds of `REFERENCE_SHARE`, and is added to the network's bias. Parameters as those of `calibrate`; 0
    where one class is missing.
    """
    inside = ~outside_domain(distances, domain_limit)
    logits, targets = logits[inside], targets[inside]
    if len(np.unique(targets)) < 2:
        return 0.0
    found = minimize(
        lambda at: _cost(logits, targets, *at), (0.0, 0.0), bounds=(np.log(TEMPERATURES), (-9.0, 9.0))
    )
    return float(found.x[1] * np.exp(found.x[0]))


def centre_and_calibrate(
    logits: Floats,
    targets: NDArray[np.intp],
    distances: Floats,
    *,
    target_sensitivity: float = 0.95,
    domain_limit: float | None,
) -> tuple[float, OperatingPoint]:
    """The offset (`centre`), and the operating point (`calibrate`) for log-odds to which it was added."""
    offset = centre(logits, targets, distances, domain_limit)
    point = calibrate(
        logits + offset,
        targets,
        distances,
        target_sensitivity=target_sensitivity,
        domain_limit=domain_limit,
    )
    return offset, point


def _temperature(logits: Floats, targets: NDArray[np.intp]) -> float:
    """Divisor of the log-odds with the least log loss (Guo et al. 2017), drawn towards 1 by the prior."""
    found = minimize_scalar(
        lambda at: _cost(logits, targets, at), bounds=np.log(TEMPERATURES), method="bounded"
    )
    return float(np.exp(found.x))


def _cost(logits: Floats, targets: NDArray[np.intp], log_temperature: float, offset: float = 0.0) -> float:
    """Log loss with the priors' (Platt 1999, with a temperature in place of the slope).

    Images count so that `REFERENCE_SHARE` of them bleed.
    """
    share = targets.mean()
    weights = np.where(targets == 1, REFERENCE_SHARE / share, (1.0 - REFERENCE_SHARE) / (1.0 - share))
    probabilities = expit(logits / np.exp(log_temperature) + offset)
    losses = log_loss(targets, probabilities, normalize=False, sample_weight=weights)
    return float(losses + 0.5 * ((log_temperature / PRIOR_SPREAD) ** 2 + (offset / OFFSET_SPREAD) ** 2))


def threshold_for(logits: Floats, targets: NDArray[np.intp], sensitivity: float) -> float:
    """The greatest probability at which the sensitivity is reached, moved half-way to the next lower score.

    Every value between the two gives the validation images the same labels; the middle (in log-odds) keeps
    an equal distance from both. With fewer than 1 / (1 - sensitivity) hemorrhages none may be missed.
    """
    _, reached, scores = roc_curve(targets, logits, drop_intermediate=False)
    place = int(np.argmax(reached >= sensitivity - 1e-9))
    lower = scores[min(place + 1, len(scores) - 1)]
    return float(np.clip(expit((scores[place] + lower) / 2.0), *THRESHOLDS))


def bounds_around(probabilities: Floats, threshold: float) -> tuple[float, float]:
    """Bounds that hold `BAND_SHARE` of these images, both the same fraction of the way to 0 and to 1.

    Whoever sets a threshold t holds a miss to be (1 - t) / t times as bad as a false alarm; the images with
    the greatest expected cost are then just those between l t and 1 - l (1 - t), for some l in 0..1 (t = 0.2,
    l = 0.5: from 0.1 to 0.6). Only the share of images is fitted, not their errors: there may be three.
    """
    if len(probabilities) == 0:
        return threshold, threshold
    below = probabilities < threshold
    nearness = np.where(below, probabilities / threshold, (1.0 - probabilities) / (1.0 - threshold))
    ordered = np.append(np.sort(nearness)[::-1], 0.0)
    count = round(BAND_SHARE * len(probabilities))
    fraction = float(ordered[max(count, 1) - 1] + ordered[max(count, 1)]) / 2.0
    return fraction * threshold, 1.0 - fraction * (1.0 - threshold)
