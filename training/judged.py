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
    reaches
        bool (N,), whether the probability reaches the threshold.
    in_band
        bool (N,), whether it lies between the bounds of certainty.
    not_assessed
        bool (N,), whether the label is `not assessed`, as outside the model's domain; if so, `reaches` and
        `in_band` do not matter.
    """

    probabilities: Floats
    reaches: Flags
    in_band: Flags
    not_assessed: Flags

    @classmethod
    def by(cls, point: OperatingPoint, logits: Floats, distances: Floats) -> "Judged":
        """Judge the log-odds (N,) and the distances (N,)."""
        probabilities = np.asarray(expit(logits / point.temperature), dtype=np.float64)
        return cls(
            probabilities=probabilities,
            reaches=probabilities >= point.threshold,
            in_band=(point.uncertain_low <= probabilities) & (probabilities < point.uncertain_high),
            not_assessed=outside_domain(distances, point.domain_limit),
        )

    @classmethod
    def joined(cls, parts: Sequence["Judged"], places: Sequence[NDArray[np.intp]]) -> "Judged":
        """One from several, such as the folds of a cross-validation, by the indices (n,) of each."""
        order = np.argsort(np.concatenate(places))
        names = ("probabilities", "reaches", "in_band", "not_assessed")
        return cls(*(np.concatenate([getattr(part, name) for part in parts])[order] for name in names))

    def take(self, indices: NDArray[np.intp]) -> "Judged":
        """The images at these indices."""
        names = ("probabilities", "reaches", "in_band", "not_assessed")
        return Judged(*(getattr(self, name)[indices] for name in names))

    @property
    def positive(self) -> Flags:
        """bool (N,), whether the image is assessed and reaches the threshold, uncertain or not."""
        return self.reaches & ~self.not_assessed

    @property
    def uncertain(self) -> Flags:
        """bool (N,), whether the label is `uncertain`: look at this one."""
        return self.in_band & ~self.not_assessed

    @property
    def certain(self) -> Flags:
        """bool (N,), whether the label is `hemorrhage` or `normal`."""
        return ~(self.in_band | self.not_assessed)

    @property
    def flagged(self) -> Flags:
        """bool (N,), whether a person is pointed to the image: labelled `hemorrhage` or `uncertain`."""
        return self.positive | self.uncertain

    def wrong(self, targets: NDArray[np.intp]) -> Flags:
        """bool (N,), whether it is a false alarm or a missed bleed, not assessed or below."""
        return np.asarray(self.positive != (targets == 1), dtype=np.bool_)

    def counted(self, targets: NDArray[np.intp]) -> Flags:
        """bool (N,), whether it counts in the figures at the threshold: all but normals not assessed."""
        return np.asarray(~self.not_assessed | (targets == 1), dtype=np.bool_)


def outside_domain(distances: Floats, limit: float | None) -> Flags:
    """bool (N,), whether each distance is beyond the limit; None is beyond nothing."""
    return np.zeros(len(distances), dtype=np.bool_) if limit is None else distances > limit
