"""One chunk of files, from claim to committed result."""

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.archive_start import is_archive_file
from core.errors import HeadlessCt, NetworkFailed, RejectedImage, StoreUnavailable
from core.home import Home
from core.image_files import read_stored
from core.patients import Patients
from core.reasons import Reason, ReasonCode
from core.settings import Settings
from db.engine import now
from db.lifecycle import Claimant, Claimed, ModelStamp, Outcome, claim, finish, release
from db.queries import unknown_of
from db.requeue import postpone
from db.states import FileState
from images.noted import Noted
from models.labels import NO_BRAIN, NO_HEAD_FOUND, NOT_ASSESSED
from worker.limits import file_limits
from worker.metrics import ATTEMPTS, DECODE, FINISHED, LATENCY, NETWORK, REJECTED
from worker.unpacking import PORTION_S, unpack

if TYPE_CHECKING:
    import numpy as np  # brought, with OpenCV, by the classifier, which only the children load

    from models.classifier import Classifier


logger = logging.getLogger(__name__)

_PATIENCE = timedelta(minutes=1)
"""So long files that are to be classified again wait for a worker that serves the version in use. A worker
switches within a second or two of the promotion, and refuses a version that it cannot load for good."""
_DECODER_FAILED = Reason(ReasonCode.DECODER_FAILED, "The image cannot be decoded. Export the slice again.")
_NO_NUMBER = Reason(
    ReasonCode.NETWORK_UNDEFINED,
    "The network gave no number for this image. Export the slice again, in a brain window.",
)


def classify_chunk(
    engine: Engine,
    classifier: "Classifier",
    settings: Settings,
    home: Home,
    file_ids: Sequence[int],
    claimant: Claimant,
) -> int:
    """Classify the files of one task; returns how many were this task's to classify.

    Ids that are finished or another task's are passed over, so that doing it twice is harmless; so are those
    that are unknown, which is logged.
    Archives are unpacked after the images have their results, one of a chunk.
    A bad image is rejected with its reason and never fails its neighbours. A CT without a head that can be
    found is not assessed, without the network. One that takes too long ends this
    process (`worker.limits`). No transaction is open while images are decoded or the network runs.

    Raises
    ------
    StoreUnavailable, NetworkFailed
        The files wait again, and no attempt is counted.
    """
    lease, watch = timedelta(seconds=settings.lease_seconds), _Stopwatch()
    with Session(engine) as session, session.begin():
        claimed = claim(session, file_ids, claimant, lease, settings.max_attempts)
        waiting, kept = (
            postpone(session, claimant, classifier.card.version, _PATIENCE) if claimed else ((), ())
        )
        unknown = unknown_of(session, file_ids) if len(claimed) < len(file_ids) else []
    if kept:
        logger.error(
            "%d files keep their earlier result: this worker serves %s, and nobody the version in use",
            *(len(kept), classifier.card.version),
            extra={"file_ids": list(kept)},
        )
    left = {*waiting, *kept}
    claimed = [file for file in claimed if file.id not in left]
    if unknown:
        logger.error(
            "a message names %d files that do not exist; they are passed over",
            len(unknown),
            extra={"file_ids": unknown},
        )
    if not claimed:
        return 0
    ATTEMPTS.inc(len(claimed))
    archives = [file for file in claimed if is_archive_file(home.bytes_path(file.sha256))]
    watch.lap("claim")
    if images := [file for file in claimed if file not in archives]:
        _classify(engine, classifier, settings, home, images, claimant, watch)
    if archives:
        until = time.monotonic() + PORTION_S - watch.total()
        _unpack_one(engine, classifier, settings, home, archives, claimant, until)
    return len(claimed)


def _classify(
    engine: Engine,
    classifier: "Classifier",
    settings: Settings,
    home: Home,
    claimed: Sequence[Claimed],
    claimant: Claimant,
    watch: "_Stopwatch",
) -> None:
    noted, patients = {file.id: Noted() for file in claimed}, Patients(settings, home)
    try:
        images, outcomes = _decoded(claimed, classifier, settings, home, noted)
    except StoreUnavailable:
        _release(engine, claimant)
        raise
    watch.lap("decode")
    if images:
        try:
            scores = classifier.score(list(images.values()))
        except Exception as error:  # the runtime's tree and Python's: whatever it is, no image is to blame
            _release(engine, claimant)
            raise NetworkFailed(
                f"The network failed on this worker ({type(error).__name__}: {str(error)[:200]}). See to its "
                "memory and its GPU, or roll back to the model before."
            ) from error
        outcomes += map(partial(_outcome, classifier), images, scores.logits, scores.distances)
        NETWORK.observe(watch.lap("network"))
    outcomes = [_with_notes(one, noted[one.file_id], patients) for one in outcomes]
    with Session(engine) as session, session.begin():
        written = set(finish(session, claimant, outcomes, _stamp(classifier)))
    watch.lap("commit")
    _tell(
        [file for file in claimed if file.id in written],
        [outcome for outcome in outcomes if outcome.file_id in written],
        classifier.card.version,
        watch,
    )


def _unpack_one(
    engine: Engine,
    classifier: "Classifier",
    settings: Settings,
    home: Home,
    archives: Sequence[Claimed],
    claimant: Claimant,
    until: float,
) -> None:
    """Unpack the first of these; the others wait again, for any worker."""
    first, *others = archives
    if others:
        with Session(engine) as session, session.begin():
            release(session, claimant, [archive.id for archive in others])
        home.wake_dispatcher()
    try:
        refused = unpack(engine, settings, home, claimant, first, until)
    except StoreUnavailable:
        _release(engine, claimant)
        raise
    if refused is not None:
        outcome = Outcome(first.id, rejected=refused)
        with Session(engine) as session, session.begin():
            written = finish(session, claimant, [outcome], _stamp(classifier))
        if written:
            _tell([first], [outcome], classifier.card.version, _Stopwatch())


def _decoded(
    claimed: Sequence[Claimed],
    classifier: "Classifier",
    settings: Settings,
    home: Home,
    noted: dict[int, Noted],
) -> "tuple[dict[int, np.ndarray], list[Outcome]]":
    """The images that the network is to see, by file, and what becomes of the other files."""
    images: dict[int, np.ndarray] = {}
    outcomes: list[Outcome] = []
    limited = file_limits(settings)
    for file_id, sha256, _, of_study in claimed:
        try:
            with DECODE.time():
                data = read_stored(home, sha256, settings.max_file_mb)
                with limited():
                    images[file_id] = classifier.prepare(
                        data, settings.max_pixels, noted[file_id], of_study=of_study
                    )
        except HeadlessCt as error:
            why = NO_BRAIN if error.reason.code is ReasonCode.NO_BRAIN else NO_HEAD_FOUND
            outcomes.append(Outcome(file_id, label=NOT_ASSESSED, label_code=why.code, label_reason=why.text))
        except RejectedImage as error:
            outcomes.append(Outcome(file_id, rejected=error.reason))
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - the comment below
            # Whatever a decoder raises, the neighbours are classified. No trace: it may name files.
            logger.error("file %d: decoding failed with %s", file_id, type(error).__name__)  # noqa: TRY400
            outcomes.append(Outcome(file_id, rejected=_DECODER_FAILED))
    return images, outcomes


def _release(engine: Engine, claimant: Claimant) -> None:
    with Session(engine) as session, session.begin():
        release(session, claimant)


class _Stopwatch:
    """What each stage of a chunk took."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self.fields: dict[str, float] = {}

    def total(self) -> float:
        """The seconds of all stages."""
        return sum(self.fields.values()) / 1000

    def lap(self, stage: str) -> float:
        """The stage ends now; returns its seconds."""
        began, self._began = self._began, time.perf_counter()
        self.fields[f"{stage}_ms"] = round((self._began - began) * 1000, 1)
        return self._began - began


def _tell(claimed: Sequence[Claimed], outcomes: Sequence[Outcome], version: str, watch: _Stopwatch) -> None:
    """Count a chunk whose results are committed, and log it."""
    rejected = {outcome.file_id: outcome.rejected for outcome in outcomes if outcome.rejected is not None}
    for code, _ in rejected.values():
        REJECTED.labels(code.value).inc()
    FINISHED.labels(FileState.REJECTED.value).inc(len(rejected))
    FINISHED.labels(FileState.CLASSIFIED.value).inc(len(outcomes) - len(rejected))
    moment = now()
    for file in claimed:
        if file.id not in rejected and file.waits_since is not None:
            LATENCY.observe((moment - file.waits_since).total_seconds())
    logger.info(
        "%d files are classified, %d rejected",
        *(len(outcomes) - len(rejected), len(rejected)),
        extra={
            "file_ids": [file.id for file in claimed],
            "rejected_ids": list(rejected),
            "model_version": version,
            **watch.fields,
        },
    )


def _with_notes(outcome: Outcome, noted: Noted, patients: Patients) -> Outcome:
    place = noted.place and patients.protect(noted.place)
    return replace(outcome, warnings=" ".join(noted.warnings) or None, place=place)


def _outcome(classifier: "Classifier", file_id: int, logit: float, distance: float) -> Outcome:
    if not (math.isfinite(logit) and math.isfinite(distance)):
        return Outcome(file_id, rejected=_NO_NUMBER)
    said = classifier.decide(float(logit), float(distance))
    code, text = said.reason or (None, None)
    return Outcome(
        file_id,
        probability=said.probability,
        label=said.label,
        label_code=code,
        label_reason=text,
        domain_distance=float(distance),
    )


def _stamp(classifier: "Classifier") -> ModelStamp:
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
