"""One chunk of files, from claim to committed result."""

import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.archive_start import is_archive_file
from core.errors import NetworkFailed, RejectedImage, SeveralFrames, StoreUnavailable
from core.home import Home
from core.image_files import read_stored
from core.patients import Patients
from core.settings import Settings
from db.engine import now
from db.lifecycle import Claimant, Claimed, Outcome, claim, finish, release
from db.queries import unknown_of
from db.requeue import postpone
from db.states import FileState
from images.noted import Noted
from worker.frames import classify_frames, has_frames
from worker.limits import file_limits
from worker.metrics import ATTEMPTS, DECODE, FINISHED, LATENCY, NETWORK, REJECTED
from worker.outcomes import DECODER_FAILED, judged, refused, score, stamp_of, with_notes
from worker.unpacking import PORTION_S, unpack

if TYPE_CHECKING:
    import numpy as np  # brought, with OpenCV, by the classifier, which only the children load

    from models.classifier import Classifier


logger = logging.getLogger(__name__)

_PATIENCE = timedelta(minutes=1)
"""So long files that are to be classified again wait for a worker that serves the version in use. A worker
switches within a second or two of the promotion, and refuses a version that it cannot load for good."""


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
    found is not assessed, without the network. Files of several frames come last, and a portion of them
    (`worker.frames`). One that takes too long ends this process (`worker.limits`). No transaction is open
    while images are decoded or the network runs.

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
        images, outcomes, many = _decoded(claimed, classifier, settings, home, noted)
        watch.lap("decode")
        if images:
            scores = score(classifier, list(images.values()))
            outcomes += map(partial(judged, classifier), images, scores.logits, scores.distances)
            NETWORK.observe(watch.lap("network"))
    except (StoreUnavailable, NetworkFailed):
        with Session(engine) as session, session.begin():
            release(session, claimant)
        raise
    outcomes = [with_notes(one, noted[one.file_id], patients) for one in outcomes]
    with Session(engine) as session, session.begin():
        written = set(finish(session, claimant, outcomes, stamp_of(classifier)))
    watch.lap("commit")
    _tell(
        [file for file in claimed if file.id in written],
        [outcome for outcome in outcomes if outcome.file_id in written],
        classifier.card.version,
        watch,
    )
    if many:
        classify_frames(engine, classifier, settings, home, many, claimant)


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
        with Session(engine) as session, session.begin():
            release(session, claimant)
        raise
    if refused is not None:
        outcome = Outcome(first.id, rejected=refused)
        with Session(engine) as session, session.begin():
            written = finish(session, claimant, [outcome], stamp_of(classifier))
        if written:
            _tell([first], [outcome], classifier.card.version, _Stopwatch())


def _decoded(
    claimed: Sequence[Claimed],
    classifier: "Classifier",
    settings: Settings,
    home: Home,
    noted: dict[int, Noted],
) -> "tuple[dict[int, np.ndarray], list[Outcome], list[Claimed]]":
    """The images that the network is to see, by file; what becomes of others; those of many frames."""
    images: dict[int, np.ndarray] = {}
    outcomes: list[Outcome] = []
    many: list[Claimed] = []
    limited = file_limits(settings)
    for file in claimed:
        try:
            with limited():
                is_many = has_frames(home, file.sha256, settings.max_file_mb)
            if is_many:
                many.append(file)
                continue
            with DECODE.time():
                data = read_stored(home, file.sha256, settings.max_file_mb)
                with limited():
                    images[file.id] = classifier.prepare(
                        data, settings.max_pixels, noted[file.id], of_study=file.of_study
                    )
        except SeveralFrames:
            many.append(file)
        except RejectedImage as error:
            outcomes.append(refused(error, file.id))
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - the comment below
            # Whatever a decoder raises, the neighbours are classified. No trace: it may name files.
            logger.error("file %d: decoding failed with %s", file.id, type(error).__name__)  # noqa: TRY400
            outcomes.append(Outcome(file.id, rejected=DECODER_FAILED))
    return images, outcomes, many


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
