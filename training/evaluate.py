"""How good predictions are, with intervals that respect that slices of one patient are alike."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]
Metrics = dict[str, float | list[float]]

_REPEATS = 1000
_THRESHOLDS = np.round(np.arange(0.20, 0.801, 0.05), 2)


def evaluate(
    targets: NDArray[np.intp],
    probabilities: Floats,
    positive: NDArray[np.bool_],
    groups: NDArray[np.str_],
    seed: int,
) -> Metrics:
    """Accuracy, AUC, sensitivity, specificity and log loss, each with a 95 % interval.

    Parameters
    ----------
    targets
        (N,), 1 for hemorrhage.
    probabilities
        P(hemorrhage) in 0..1, (N,).
    positive
        (N,), whether the probability reached the threshold in force for that image.
    groups
        (N,), the patient of each image. The interval `<name>_ci95` is the percentile interval of 1,000
        bootstrap samples of whole patients (Field and Welsh 2007, J. R. Stat. Soc. B 69:369).
    seed
        Of the bootstrap.
    """
    metrics: Metrics = dict(_point(targets, probabilities, positive))
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    samples = []
    for _ in range(_REPEATS):
        chosen = np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))])
        if 0 < targets[chosen].sum() < len(chosen):
            samples.append(_point(targets[chosen], probabilities[chosen], positive[chosen]))
    for name in list(metrics):
        values = [sample[name] for sample in samples]
        metrics[f"{name}_ci95"] = [round(float(v), 4) for v in np.percentile(values, (2.5, 97.5))]
    return metrics


def choose_threshold(targets: NDArray[np.intp], probabilities: Floats) -> float:
    """The threshold with the best balanced accuracy, on a grid of 0.05 so that it does not chase noise.

    Of equals, the nearest to 0.5. The data must be none that the network was fit on, nor the test part.
    """

    def quality(threshold: float) -> tuple[float, float]:
        positive = probabilities >= threshold
        balanced = (positive[targets == 1].mean() + (~positive[targets == 0]).mean()) / 2.0
        return round(float(balanced), 9), -abs(threshold - 0.5)

    return max((float(threshold) for threshold in _THRESHOLDS), key=quality)


def _point(targets: NDArray[np.intp], probabilities: Floats, positive: NDArray[np.bool_]) -> dict[str, float]:
    chosen = np.where(targets == 1, probabilities, 1.0 - probabilities)
    values = {
        "accuracy": (positive == (targets == 1)).mean(),
        "auc": _auc(targets, probabilities),
        "sensitivity": positive[targets == 1].mean(),
        "specificity": (~positive[targets == 0]).mean(),
        "log_loss": -np.log(np.clip(chosen, 1e-6, 1.0)).mean(),
    }
    return {name: round(float(value), 4) for name, value in values.items()}


def _auc(targets: NDArray[np.intp], probabilities: Floats) -> float:
    """Area under the ROC curve from ranks (Mann and Whitney 1947); a thousand of them have to be quick."""
    bleeds, normals = int((targets == 1).sum()), int((targets == 0).sum())
    ranks = rankdata(probabilities)[targets == 1].sum()
    return float((ranks - bleeds * (bleeds + 1) / 2.0) / (bleeds * normals))
