"""What is reached without looking at the anatomy: a model has to beat this to have learned anything."""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from core.image_files import Limits
from images.bounded import PARSER_ERRORS
from images.decoding import decode
from images.raster import FORMATS
from training.dataset import Record, read_record

CUES = ("width", "height", "aspect", "file bytes", "mean", "deviation", "tint", "alpha channel")


def cues(records: Sequence[Record], limits: Limits) -> NDArray[np.float64]:
    """What a file tells without its anatomy; float64 (N, 8) in the order of `CUES`."""
    return np.array([_cues(record, limits) for record in records], dtype=np.float64)


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


def _cues(record: Record, limits: Limits) -> tuple[float, ...]:
    data = read_record(record, limits)
    grey = decode(data, limits.max_pixels)
    height, width = grey.shape
    return (
        *(float(width), float(height), width / height, float(len(data))),
        *(float(grey.mean()), float(grey.std()), *_colour(data)),
    )


def _colour(data: bytes) -> tuple[float, float]:
    """Tint (mean of blue - red, in grey levels) and alpha channel; both 0 where Pillow knows of no colour."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            rgb = np.asarray(image.convert("RGB"), dtype=np.float32)
            return float((rgb[..., 2] - rgb[..., 0]).mean()), float(image.has_transparency_data)
    except PARSER_ERRORS:  # DICOM, and what `decode` alone reads
        return 0.0, 0.0
