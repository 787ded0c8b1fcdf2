"""From what decoder and network say of an image to what is written of it."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from core.errors import HeadlessCt, NetworkFailed, RejectedImage
from core.patients import Patients
from core.reasons import Reason, ReasonCode
from db.lifecycle import ModelStamp, Outcome
from images.noted import Noted
from models.labels import NO_BRAIN, NO_HEAD_FOUND, NOT_ASSESSED

if TYPE_CHECKING:
    import numpy as np

    from models.classifier import Classifier, Scores

DECODER_FAILED = Reason(ReasonCode.DECODER_FAILED, "The image cannot be decoded. Export the slice again.")
_NO_NUMBER = Reason(
    ReasonCode.NETWORK_UNDEFINED,
    "The network gave no number for this image. Export the slice again, in a brain window.",
)


def refused(error: RejectedImage, file_id: int, frame: int = 0) -> Outcome:
    """Of an image that does not come to the network: rejected, or not assessed where it is of a CT."""
    if not isinstance(error, HeadlessCt):
        return Outcome(file_id, frame=frame, rejected=error.reason)
    why = NO_BRAIN if error.reason.code is ReasonCode.NO_BRAIN else NO_HEAD_FOUND
    return Outcome(file_id, frame=frame, label=NOT_ASSESSED, label_code=why.code, label_reason=why.text)


def judged(classifier: "Classifier", file_id: int, logit: float, distance: float, frame: int = 0) -> Outcome:
    """Of an image that the network has seen."""
    if not (math.isfinite(logit) and math.isfinite(distance)):
        return Outcome(file_id, frame=frame, rejected=_NO_NUMBER)
    said = classifier.decide(float(logit), float(distance))
    code, text = said.reason or (None, None)
    return Outcome(
        file_id,
        frame=frame,
        probability=said.probability,
        label=said.label,
        label_code=code,
        label_reason=text,
        domain_distance=float(distance),
    )


def score(classifier: "Classifier", images: "Sequence[np.ndarray]") -> "Scores":
    """What the network says of prepared images.

    Raises
    ------
    NetworkFailed
    """
    try:
        return classifier.score(images)
    except Exception as error:  # the runtime's tree and Python's: whatever it is, no image is to blame
        raise NetworkFailed(
            f"The network failed on this worker ({type(error).__name__}: {str(error)[:200]}). See to its "
            "memory and its GPU, or roll back to the model before."
        ) from error


def with_notes(outcome: Outcome, noted: Noted, patients: Patients) -> Outcome:
    """With warnings, and where it belongs."""
    place = noted.place and patients.protect(noted.place)
    return replace(outcome, warnings=" ".join(noted.warnings) or None, place=place)


def stamp_of(classifier: "Classifier") -> ModelStamp:
    """What is written about the model."""
    card = classifier.card
    point = card.operating_point
    return ModelStamp(
        version=card.version,
        weights_sha256=card.weights_sha256,
        preprocessing_version=card.preprocessing.version,
        temperature=point.temperature,
        threshold=point.threshold,
        uncertain_low=point.uncertain_low,
        uncertain_high=point.uncertain_high,
        domain_limit=point.domain_limit,
    )
