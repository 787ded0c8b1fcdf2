"""Files of several frames, which are classified in portions: no other file waits for all of them."""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import ImageTooLarge, NetworkFailed, RejectedImage, StoreUnavailable
from core.home import Home
from core.image_files import open_stored
from core.patients import Patients
from core.reasons import ReasonCode
from core.settings import Settings
from db.frames import finish_frames, frames_done
from db.lifecycle import Claimant, Claimed, Outcome, finish, release
from db.states import FileState
from images.noted import Noted
from models.labels import NO_BRAIN, NOT_ASSESSED
from worker.limits import FileLimit, file_limits
from worker.metrics import DECODE, FINISHED, NETWORK, REJECTED
from worker.outcomes import DECODER_FAILED, judged, refused, score, stamp_of, with_notes

if TYPE_CHECKING:
    import numpy as np

    from images.dicom_frames import Frames
    from models.classifier import Classifier

logger = logging.getLogger(__name__)

PORTION_S = 8.0
"""After so long the frames that are done are committed, and the file waits again: a task has to end."""
FRAMES_A_TASK = 256
"""About 2 s of a core: what comes meanwhile waits no longer for it."""
_FRAMES_A_BATCH = 32
_REFUSALS = frozenset(code.value for code in ReasonCode) - {NO_BRAIN.code}
"""Codes of frames that are no slice of a head; what is not assessed of a head has others."""
_LARGER_THAN_A_SLICE = 600 * 1024
"""Bytes: an uncompressed slice of 512 x 512 has 525,000."""


class _Portion(NamedTuple):
    """So many frames are done at most, and none is begun after that time of `time.monotonic`."""

    frames: int
    until: float


def has_frames(home: Home, sha256: str, max_file_mb: float) -> bool:
    """Whether a file that is larger than most slices has several frames; then it is not read as a whole."""
    path = home.bytes_path(sha256)
    try:
        if not _LARGER_THAN_A_SLICE < path.stat().st_size <= max_file_mb * 2**20:
            return False
        from images.dicom_file import announced_frames  # noqa: PLC0415 - for the children only

        with path.open("rb", buffering=0) as file:
            return announced_frames(file) > 1
    except OSError:
        return False  # whoever reads it says why


def classify_frames(
    engine: Engine,
    classifier: "Classifier",
    settings: Settings,
    home: Home,
    files: Sequence[Claimed],
    claimant: Claimant,
    *,
    portion_s: float = PORTION_S,
) -> None:
    """Classify frames of these files that have no result yet, `FRAMES_A_TASK` in all; the rest wait again.

    Each file's are committed before the next is begun.

    Raises
    ------
    StoreUnavailable, NetworkFailed
        The files that are not done wait again, and no attempt is counted.
    """
    left = FRAMES_A_TASK
    try:
        for number, file in enumerate(files):
            if left <= 0:
                with Session(engine) as session, session.begin():
                    release(session, claimant, [file.id for file in files[number:]])
                break
            portion = _Portion(left, time.monotonic() + portion_s)
            left -= _classify_portion(engine, classifier, settings, home, file, claimant, portion)
    except (StoreUnavailable, NetworkFailed):
        with Session(engine) as session, session.begin():
            release(session, claimant)
        raise
    home.wake_dispatcher()


def _classify_portion(
    engine: Engine,
    classifier: "Classifier",
    settings: Settings,
    home: Home,
    file: Claimed,
    claimant: Claimant,
    portion: _Portion,
) -> int:
    """Returns how many frames were done."""
    stamp, version, limited = stamp_of(classifier), classifier.card.version, file_limits(settings)
    with Session(engine) as session:
        done = frames_done(session, file.id, version)
    try:
        with limited():
            frames = _opened(home, settings, file)
    except RejectedImage as error:
        _reject(engine, classifier, file, claimant, error)
        return 1
    outcomes: list[Outcome] = []
    patients = Patients(settings, home)
    with frames.file:
        todo = [number for number in range(frames.count) if number not in done]
        for start in range(0, min(len(todo), portion.frames), _FRAMES_A_BATCH):
            some = todo[start : min(start + _FRAMES_A_BATCH, portion.frames)]
            outcomes += _judged(classifier, file, frames, some, patients, limited, portion.until)
            if time.monotonic() > portion.until:
                break
    with Session(engine) as session, session.begin():
        state = finish_frames(
            session, claimant, file.id, outcomes, stamp, _REFUSALS, more=len(todo) > len(outcomes)
        )
    if state in (FileState.CLASSIFIED, FileState.REJECTED):
        FINISHED.labels(state.value).inc()
    logger.info(
        "%d of %d frames of a file are classified",
        *(len(done) + len(outcomes), frames.count),
        extra={"file_ids": [file.id], "model_version": version},
    )
    return max(1, len(outcomes))


def _opened(home: Home, settings: Settings, file: Claimed) -> "Frames":
    from images.dicom_frames import Frames  # noqa: PLC0415 - for the children only

    stored = open_stored(home, file.sha256, settings.max_file_mb)
    try:
        return Frames(stored, settings.max_pixels)
    except RejectedImage:
        raise
    except MemoryError as error:
        raise ImageTooLarge(
            ReasonCode.TOO_LARGE,
            "Reading this file takes more memory than a worker process may have. Export it in parts.",
        ) from error
    except Exception as error:
        _log(file, error)
        raise RejectedImage(*DECODER_FAILED) from error


def _judged(
    classifier: "Classifier",
    file: Claimed,
    frames: "Frames",
    numbers: Sequence[int],
    patients: Patients,
    limited: FileLimit,
    until: float,
) -> list[Outcome]:
    """What becomes of these frames, or of as many as there is time for, at least one."""
    prepared: dict[int, np.ndarray] = {}
    noted = {number: Noted() for number in numbers}
    outcomes: list[Outcome] = []
    for number in numbers:
        if (prepared or outcomes) and time.monotonic() > until:
            break
        try:
            with DECODE.time(), limited():
                shown = frames.shown(number, noted[number])
                prepared[number] = classifier.prepare_slice(shown, is_ct=file.of_study or noted[number].is_ct)
        except RejectedImage as error:
            outcomes.append(refused(error, file.id, number))
        except Exception as error:  # noqa: BLE001 - as in `worker.classification`
            _log(file, error)
            outcomes.append(Outcome(file.id, frame=number, rejected=DECODER_FAILED))
    if prepared:
        with NETWORK.time():
            scores = score(classifier, list(prepared.values()))
        outcomes += [
            judged(classifier, file.id, logit, distance, number)
            for number, logit, distance in zip(prepared, scores.logits, scores.distances, strict=True)
        ]
    return [with_notes(_kept(one), noted[one.frame], patients) for one in outcomes]


def _kept(outcome: Outcome) -> Outcome:
    """A frame that was refused is not assessed: its neighbours have results."""
    if outcome.rejected is None:
        return outcome
    code, text = outcome.rejected
    return replace(outcome, rejected=None, label=NOT_ASSESSED, label_code=code, label_reason=text)


def _reject(
    engine: Engine, classifier: "Classifier", file: Claimed, claimant: Claimant, error: RejectedImage
) -> None:
    outcome = Outcome(file.id, rejected=error.reason)
    with Session(engine) as session, session.begin():
        written = finish(session, claimant, [outcome], stamp_of(classifier))
    if written:
        FINISHED.labels(FileState.REJECTED.value).inc()
        REJECTED.labels(error.reason.code.value).inc()


def _log(file: Claimed, error: Exception) -> None:
    logger.error(
        "file %d: decoding failed with %s", file.id, type(error).__name__
    )  # no trace: it may name files
