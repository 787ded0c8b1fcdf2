"""What an operating point makes of the network's outputs, for many images at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.card import OperatingPoint

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

EVEN_POINT = OperatingPoint(1.0, 0.5, 0.5, 0.5)
"""Neither calibrated nor uncertain: for baselines."""


@dataclass(frozen=True)
class Judged:
    """N images as `OperatingPoint.decide` judges them one by one.

    Attributes
    ----------
    probabilities
        float64 (N,), of a hemorrhage, calibrated; 0..1.
    positive
        bool (N,), whether the probability reaches the threshold, uncertain or not.
    in_band
        bool (N,), whether it lies between the bounds of certainty.
    outside
        bool (N,), whether the image lies outside the model's domain; if so, `in_band` does not matter.
    """

    probabilities: Floats
    positive: Flags
    in_band: Flags
    outside: Flags

    @classmethod
    def by(cls, point: OperatingPoint, logits: Floats, distances: Floats) -> "Judged":
        """Judge the log-odds (N,) and the distances (N,)."""
        probabilities = np.asarray(expit(logits / point.temperature), dtype=np.float64)
        return cls(
            probabilities=probabilities,
            positive=probabilities >= point.threshold,
            in_band=(point.uncertain_low <= probabilities) & (probabilities < point.uncertain_high),
            outside=outside_domain(distances, point.domain_limit),
        )

    @classmethod
    def joined(cls, parts: Sequence["Judged"], places: Sequence[NDArray[np.intp]]) -> "Judged":
        """One from several, such as the folds of a cross-validation, by the indices (n,) of each."""
        order = np.argsort(np.concatenate(places))
        names = ("probabilities", "positive", "in_band", "outside")
        return cls(*(np.concatenate([getattr(part, name) for part in parts])[order] for name in names))

    @property
    def uncertain(self) -> Flags:
        """bool (N,), whether the label is `uncertain`, for either reason."""
        return self.in_band | self.outside

    @property
    def flagged(self) -> Flags:
        """bool (N,), whether a person is pointed to the image: labelled `hemorrhage` or `uncertain`."""
        return self.positive | self.uncertain


def outside_domain(distances: Floats, limit: float | None) -> Flags:
    """bool (N,), whether each distance is beyond the limit; None is beyond nothing."""
    return np.zeros(len(distances), dtype=np.bool_) if limit is None else distances > limit
