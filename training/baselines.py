"""What is reached without looking at the anatomy: a model has to beat this to have learned anything."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.dataset import Record

CUES = ("width", "height", "aspect", "file bytes", "mean", "deviation", "tint", "alpha channel")


def cues(records: Sequence[Record]) -> NDArray[np.float64]:
    """What a file tells without its anatomy; float64 (N, 8) in the order of `CUES`."""
    return np.array([_cues(record) for record in records], dtype=np.float64)


def cue_probabilities(
    features: NDArray[np.float64], targets: NDArray[np.intp], train: NDArray[np.intp], test: NDArray[np.intp]
) -> NDArray[np.float64]:
    """P(hemorrhage) of the test images by a logistic regression on the cues of the training images."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(features[train], targets[train])
    return np.asarray(model.predict_proba(features[test])[:, 1], dtype=np.float64)


def majority_accuracy(targets: NDArray[np.intp], train: NDArray[np.intp], test: NDArray[np.intp]) -> float:
    """Accuracy on the test images of always saying what is commoner among the training images."""
    majority = int(targets[train].mean() >= 0.5)
    return float((targets[test] == majority).mean())


def _cues(record: Record) -> tuple[float, ...]:
    with Image.open(record.path) as image:
        rgb = np.asarray(image.convert("RGB"), dtype=np.float32)
        has_alpha = image.has_transparency_data
    height, width = rgb.shape[:2]
    tint = float((rgb[..., 2] - rgb[..., 0]).mean())
    size = record.path.stat().st_size
    return (
        *(float(width), float(height), width / height, float(size)),
        *(float(rgb.mean()), float(rgb.std()), tint, float(has_alpha)),
    )
