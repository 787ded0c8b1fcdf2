"""One chunk of scans, from claim to committed result."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import ImageTooLarge, RejectedImage, UnreadableImage
from core.home import Home
from core.settings import Settings
from db.lifecycle import ModelStamp, Outcome, claim, finish

if TYPE_CHECKING:
    from models.classifier import Classifier  # brings TensorFlow, which only the children load


def classify_chunk(
    engine: Engine,
    classifier: "Classifier",
    settings: Settings,
    home: Home,
    scan_ids: Sequence[int],
    task_id: str,
    *,
    resumed: bool = False,
) -> int:
    """Classify the scans of one task; returns how many were this task's to classify.

    Ids that are unknown, finished or another task's are passed over, so that doing it twice is harmless.
    A bad image is rejected with its reason and never fails its neighbours. No transaction is open while
    images are decoded or the network runs.
    """
    lease = timedelta(seconds=settings.lease_seconds)
    with Session(engine) as session, session.begin():
        claimed = claim(session, scan_ids, task_id, lease, settings.max_attempts, resumed=resumed)
    if not claimed:
        return 0
    images: dict[int, np.ndarray] = {}
    outcomes: list[Outcome] = []
    for scan_id, sha256 in claimed:
        try:
            images[scan_id] = classifier.prepare(read_scan(home, settings, sha256), settings.max_pixels)
        except RejectedImage as error:
            outcomes.append(Outcome(scan_id, rejected=str(error)))
    if images:
        probabilities = classifier.probabilities(np.stack(list(images.values())))
        outcomes += [
            Outcome(scan_id, float(probability), classifier.label(float(probability)))
            for scan_id, probability in zip(images, probabilities, strict=True)
        ]
    with Session(engine) as session, session.begin():
        finish(session, outcomes, _stamp(classifier))
    return len(claimed)


def read_scan(home: Home, settings: Settings, sha256: str) -> bytes:
    """The bytes of a stored scan.

    Raises
    ------
    ImageTooLarge, UnreadableImage
    """
    path = home.scan_file(sha256)
    try:
        if path.stat().st_size > settings.max_file_mb * 2**20:
            raise ImageTooLarge.file(settings.max_file_mb)
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UnreadableImage(
            "The stored copy of this scan is gone. Drop the file again, then `headct retry` the scan."
        ) from error


def _stamp(classifier: "Classifier") -> ModelStamp:
    card = classifier.card
    return ModelStamp(card.version, card.weights_sha256, card.preprocessing.version, card.threshold)
