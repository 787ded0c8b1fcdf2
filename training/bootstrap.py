"""Intervals that respect that slices of one patient are alike: whole patients are drawn, not slices."""

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from training.judged import Floats

REPEATS = 500
"""About 12 of them lie beyond each end of a 95 % interval, and one takes a fraction of a millisecond."""

Interval = list[float]


def intervals(
    statistic: Callable[[Floats], Mapping[str, float]],
    targets: NDArray[np.intp],
    groups: NDArray[np.str_],
    seed: int,
    repeats: int = REPEATS,
) -> dict[str, Interval]:
    """95 % percentile intervals of named figures by the cluster bootstrap.

    Parameters
    ----------
    statistic
        Takes how often each image counts, float64 (N,), and gives the figures; NaN where undefined.
    targets
        (N,), 1 for hemorrhage.
    groups
        (N,), the patient of each image. As many patients as there are get drawn with replacement, each with
        all of its images (Field and Welsh 2007, J. R. Stat. Soc. B 69:369). A draw without images of both
        classes is left out.

    Returns
    -------
    Name to [low, high], rounded to four digits; a figure that no draw defines is left out.
    """
    drawn = [dict(statistic(weights)) for weights in _draws(targets, groups, seed, repeats)]
    found = {}
    for name in drawn[0] if drawn else ():
        values = [sample[name] for sample in drawn if not math.isnan(sample[name])]
        if values:
            found[name] = [round(float(value), 4) for value in np.percentile(values, (2.5, 97.5))]
    return found


def _draws(targets: NDArray[np.intp], groups: NDArray[np.str_], seed: int, repeats: int) -> Iterator[Floats]:
    rng = np.random.default_rng(seed)
    names, member = np.unique(groups, return_inverse=True)
    chances = np.full(len(names), 1.0 / len(names))
    for _ in range(repeats):
        weights = rng.multinomial(len(names), chances)[member].astype(np.float64)
        if weights[targets == 1].any() and weights[targets == 0].any():
            yield weights
