"""The figures of one evaluation, each defined once. docs/evaluation.md explains them.

A bootstrap asks for them five hundred times. What is a count or a mean over images is therefore summed up
here, as scikit-learn's own functions spend milliseconds a call on looking at their arguments; the tests hold
every figure against scikit-learn's.

A bleed that is not assessed counts as missed, a normal image that is not assessed in no figure at the
threshold: as no right answer. Figures of the probabilities alone are over all images.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

from training.judged import Flags, Floats, Judged

Metrics = dict[str, Any]
"""Names to numbers, None where a figure is not defined, and `<name>_ci95` to [low, high]; for JSON."""

BINS = 10
FIGURES: Final = {
    "auc": "AUC",
    "accuracy": "accuracy at the threshold",
    "accuracy_at_half": "accuracy at 0.5",
    "sensitivity": "sensitivity",
    "flagged_sensitivity": "bleeds labelled hemorrhage or uncertain",
    "specificity": "specificity",
    "ppv": "PPV in this set",
    "npv": "NPV in this set",
    "ppv_at_prevalence": "PPV at the stated prevalence",
    "npv_at_prevalence": "NPV at the stated prevalence",
    "log_loss": "log loss (nats)",
    "brier": "Brier score",
    "calibration_error": "calibration error (ECE, 10 bins)",
    "uncertain_share": "share uncertain",
    "not_assessed_share": "share not assessed",
    "error_share_of_certain": "errors among those called hemorrhage or normal",
}
"""What `point_metrics` gives, in words."""
WITHOUT_INTERVAL: Final = ("calibration_error",)
"""A bootstrap overstates it: each draw adds chance to every bin's gap (Broecker 2012, Clim Dyn 39:655)."""


def point_metrics(
    targets: NDArray[np.intp], judged: Judged, prevalence: float, weights: Floats | None = None
) -> dict[str, float]:
    """The figures of `FIGURES`, as fractions but for the log loss (nats); NaN where undefined.

    Parameters
    ----------
    targets
        (N,), 1 for hemorrhage.
    judged
        The N images.
    prevalence
        For `ppv_at_prevalence` and `npv_at_prevalence`: share of hemorrhages among the images to come; 0..1.
    weights
        (N,), how often each image counts; None for once.
    """
    weights = np.ones(len(targets)) if weights is None else weights
    probabilities, wrong = judged.probabilities, judged.wrong(targets)
    tn, fp, fn, tp = np.bincount(2 * targets + judged.positive, weights * judged.counted(targets), 4)
    sensitivity, specificity = _ratio(tp, tp + fn), _ratio(tn, tn + fp)
    # Bayes' theorem: Altman and Bland 1994, BMJ 309:102.
    true_alarms, false_alarms = prevalence * sensitivity, (1.0 - prevalence) * (1.0 - specificity)
    true_rests, false_rests = (1.0 - prevalence) * specificity, prevalence * (1.0 - sensitivity)
    return {
        "accuracy": _ratio(tp + tn, tp + tn + fp + fn),
        "accuracy_at_half": _mean((probabilities >= 0.5) == (targets == 1), weights),
        "auc": _auc(targets, probabilities, weights),
        "sensitivity": sensitivity,
        "specificity": specificity,
        "flagged_sensitivity": _mean(judged.flagged, weights * (targets == 1)),
        "ppv": _ratio(tp, tp + fp),
        "npv": _ratio(tn, tn + fn),
        "ppv_at_prevalence": _ratio(true_alarms, true_alarms + false_alarms),
        "npv_at_prevalence": _ratio(true_rests, true_rests + false_rests),
        "log_loss": _mean(_log_losses(targets, probabilities), weights),
        "brier": _mean((probabilities - targets) ** 2, weights),
        "calibration_error": calibration_error(targets, probabilities, weights),
        "uncertain_share": _mean(judged.uncertain, weights),
        "not_assessed_share": _mean(judged.not_assessed, weights),
        "error_share_of_certain": _mean(wrong, weights * judged.certain),
    }


def counts(targets: NDArray[np.intp], judged: Judged, groups: NDArray[np.str_]) -> Metrics:
    """The figures that have no interval: how many of what, and where the errors are."""
    wrong, counted = judged.wrong(targets), judged.counted(targets)
    tn, fp, fn, tp = np.bincount(2 * targets[counted] + judged.positive[counted], minlength=4)
    return {
        "images": len(targets),
        "groups": len(np.unique(groups)),
        "set_prevalence": float(np.mean(targets == 1)),
        "confusion_matrix": {"tn": int(tn), "fp": int(fp), "fn": int(fn), "tp": int(tp)},
        "bleeds_not_assessed": int((judged.not_assessed & (targets == 1)).sum()),
        "normals_not_assessed": int((judged.not_assessed & (targets == 0)).sum()),
        "errors": int(wrong.sum()),
        "errors_of_certain": int((wrong & judged.certain).sum()),
    }


def calibration_error(targets: NDArray[np.intp], probabilities: Floats, weights: Floats) -> float:
    """Expected calibration error of P(hemorrhage) in ten bins of equal width (Naeini et al. 2015, AAAI).

    The mean over the images of |share of hemorrhages - mean probability| of the bin that each is in.
    """
    bins = np.minimum((probabilities * BINS).astype(np.intp), BINS - 1)
    surplus = np.bincount(bins, weights * (targets - probabilities), BINS)
    return _ratio(np.abs(surplus).sum(), weights.sum())


def _auc(targets: NDArray[np.intp], probabilities: Floats, weights: Floats) -> float:
    """Area under the ROC curve: the share of pairs in which the bleed is above the normal image, ties half.

    So Hanley and McNeil 1982, Radiology 143:29; a twentieth of the time of `roc_auc_score`.
    """
    _, places = np.unique(probabilities, return_inverse=True)
    bleeds, normals = (np.bincount(places, weights * (targets == target)) for target in (1, 0))
    below = np.cumsum(normals) - 0.5 * normals
    return _ratio(float(bleeds @ below), float(bleeds.sum() * normals.sum()))


def _log_losses(targets: NDArray[np.intp], probabilities: Floats) -> Floats:
    """-log of the probability that was given to what is true, in nats; (N,)."""
    tiny = np.finfo(np.float64).eps  # no certainty costs infinitely much, as in scikit-learn's `log_loss`
    clipped = np.clip(probabilities, tiny, 1.0 - tiny)
    return np.asarray(rel_entr(targets, clipped) + rel_entr(1 - targets, 1.0 - clipped), dtype=np.float64)


def _mean(values: Floats | Flags, weights: Floats) -> float:
    return _ratio(float(values @ weights), float(weights.sum()))


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")
