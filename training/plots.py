"""The plots of a report, as PNG in memory."""

import io
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from matplotlib import rcdefaults
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.calibration import CalibrationDisplay
from sklearn.metrics import ConfusionMatrixDisplay, PrecisionRecallDisplay, RocCurveDisplay

from models.labels import CLASSES
from training.judged import Judged
from training.metrics import BINS

rcdefaults()  # a `matplotlibrc` of the folder that the command is run in draws nothing here
Targets = NDArray[np.intp]
_BLEED, _NORMAL, _OTHER = "#c0392b", "#2471a3", "#888888"


class EpochLike(Protocol):
    """An epoch of a fit, or its row in the database."""

    @property
    def number(self) -> int: ...
    @property
    def loss(self) -> float: ...
    @property
    def validation_loss(self) -> float | None: ...
    @property
    def validation_auc(self) -> float | None: ...


def png(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=90)
    return file.getvalue()


def learning_curves(curve: Sequence[EpochLike]) -> bytes:
    """Losses and validation AUC over the epochs."""
    figure, (losses, aucs) = _axes()
    numbers = [epoch.number for epoch in curve]
    losses.plot(numbers, [epoch.loss for epoch in curve], color=_OTHER, label="training (augmented)")
    losses.plot(numbers, _known(epoch.validation_loss for epoch in curve), label="validation")
    losses.set(xlabel="epoch", ylabel="loss (nats)", title="Loss")
    losses.legend()
    aucs.plot(numbers, _known(epoch.validation_auc for epoch in curve))
    aucs.set(xlabel="epoch", ylabel="AUC", title="Validation AUC")
    return png(figure)


def discrimination(targets: Targets, named: dict[str, Judged]) -> bytes:
    """ROC and precision-recall curves of all images; the cross of a version is its operating point.

    Bleeds that are not assessed lie below the cross's curve, which knows their probabilities.
    """
    figure, (roc, recall) = _axes()
    for colour, (name, judged) in zip((_BLEED, _OTHER), named.items(), strict=False):
        style = {"color": colour}
        RocCurveDisplay.from_predictions(targets, judged.probabilities, name=name, ax=roc, curve_kwargs=style)
        PrecisionRecallDisplay.from_predictions(
            targets, judged.probabilities, name=name, ax=recall, curve_kwargs=style
        )
        hits, alarms = (judged.positive[judged.counted(targets) & (targets == one)] for one in (1, 0))
        if len(alarms):
            roc.plot(alarms.mean(), hits.mean(), "x", color=colour, markersize=10, markeredgewidth=2)
        if judged.positive.any():
            precision = hits.sum() / judged.positive.sum()
            recall.plot(hits.mean(), precision, "x", color=colour, markersize=10, markeredgewidth=2)
    roc.set(xlabel="1 - specificity", ylabel="sensitivity", title="ROC")
    recall.set(xlabel="sensitivity", ylabel="positive predictive value", title="Precision and recall")
    return png(figure)


def confusion(targets: Targets, judged: Judged) -> bytes:
    """Confusion matrix at the threshold, of the assessed images and of those called hemorrhage or normal."""
    figure, both = _axes()
    for axes, chosen, title in zip(
        both, (~judged.not_assessed, judged.certain), ("Assessed", "Without the uncertain"), strict=True
    ):
        # Counted here: scikit-learn refuses to count no image at all, as where every one is uncertain.
        cells = np.bincount(2 * targets[chosen] + judged.positive[chosen], minlength=4).reshape(2, 2)
        ConfusionMatrixDisplay(cells, display_labels=CLASSES).plot(cmap="Blues", colorbar=False, ax=axes)
        axes.set(xlabel="said", ylabel="truth", title=title)
    return png(figure)


def calibration(targets: Targets, judged: Judged, bounds: tuple[float, float, float]) -> bytes:
    """Reliability diagram, and how the probabilities spread.

    `bounds` are the lower bound of certainty, the threshold and the upper bound.
    """
    figure, (reliability, scores) = _axes()
    CalibrationDisplay.from_predictions(
        targets, judged.probabilities, n_bins=BINS, ax=reliability, name="version", color=_BLEED
    )
    reliability.set(xlabel="mean probability", ylabel="share of hemorrhages", title="Reliability")
    split = [judged.probabilities[targets == target] for target in (0, 1)]
    bins = np.linspace(0.0, 1.0, 2 * BINS + 1)
    scores.hist(split, list(bins), stacked=True, color=[_NORMAL, _BLEED], label=list(CLASSES))
    low, threshold, high = bounds
    scores.axvline(threshold, color="black", label="threshold")
    scores.axvspan(low, high, color="#f1c40f", alpha=0.3, label="uncertain")
    scores.set(xlabel="probability of hemorrhage", ylabel="images", title="Scores")
    scores.legend()
    return png(figure)


def _axes() -> tuple[Figure, tuple[Axes, Axes]]:
    figure = Figure(figsize=(8.8, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    return figure, (left, right)


def _known(values: Iterable[float | None]) -> list[float]:
    return [np.nan if value is None else value for value in values]
