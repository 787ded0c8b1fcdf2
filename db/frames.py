"""Files of several frames, which workers take in portions. Each takes a session; the caller commits."""

from collections.abc import Collection, Sequence
from typing import Any, cast

from sqlalchemy import Table as SqlTable
from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from core.reasons import Reason, ReasonCode
from db.engine import now
from db.lifecycle import Claimant, ModelStamp, Outcome, write_results
from db.states import FileState, ImageLabel
from db.tables import File, Image, LabelledImage, Prediction, Reading
from db.worklist_items import refresh_files, refresh_images

_FILE = cast("SqlTable", File.__table__)  # as in `db.lifecycle`


def frames_done(session: Session, file_id: int, version: str) -> set[int]:
    """The frames of a file that have a result of this model version."""
    return set(
        session.scalars(
            select(Image.frame)
            .join(Prediction, Prediction.image_id == Image.id)
            .where(Image.file_id == file_id, Prediction.model_version == version)
        )
    )


def finish_frames(
    session: Session,
    claimant: Claimant,
    file_id: int,
    outcomes: Sequence[Outcome],
    model: ModelStamp,
    refusals: Collection[str],
    *,
    more: bool,
) -> FileState | None:
    """Write what became of some frames of a file; it waits again if there are more, else it is final.

    Each portion that is done lets the attempts begin anew: whoever gets on does not hang at one frame. The
    file is rejected where all frames were refused, for the first one's reason.

    Parameters
    ----------
    refusals
        Codes of results that stand for a frame that was refused.

    Returns
    -------
    The state of the file; None if this task does not hold it any more, and nothing was written.
    """
    moment = now()
    if not write_results(session, claimant, outcomes, model, moment):
        return None
    before = session.scalar(select(File.warnings).where(File.id == file_id))
    warned = before or ""
    for sentence in dict.fromkeys(filter(None, (one.warnings for one in outcomes))):
        warned += "" if sentence in warned else f" {sentence}"
    values: dict[str, Any] = {
        "warnings": warned.strip() or None,
        "claimed_by": None,
        "lease_expires_at": None,
    }
    if more:
        state, values = FileState.RECEIVED, {**values, "attempts": 0}
    else:
        reason = _refusal(session, file_id, model.version, refusals)
        state = FileState.CLASSIFIED if reason is None else FileState.REJECTED
        code, text = reason or (None, None)
        values |= {"reason_code": code, "reason": text, "finished_at": moment}
    session.execute(update(_FILE).where(_FILE.c.id == file_id).values(state=state, **values))
    if more and values["warnings"] == before:  # nothing is new of the others, which may be thousands
        frames = Image.frame.in_([one.frame for one in outcomes])
        refresh_images(
            session, session.scalars(select(Image.id).where(Image.file_id == file_id, frames)).all()
        )
    else:
        refresh_files(session, [file_id])
    return state


def _refusal(session: Session, file_id: int, version: str, refusals: Collection[str]) -> Reason | None:
    """Why the first frame was refused, if all were; their results, which say nothing else, are taken away."""
    mine = select(Image.id).where(Image.file_id == file_id)
    of_version = Prediction.image_id.in_(mine), Prediction.model_version == version
    refused = (Prediction.label == ImageLabel.NOT_ASSESSED) & Prediction.label_code.in_(refusals)
    if session.scalar(select(exists().where(*of_version, ~refused))):
        return None
    first = session.execute(
        select(Prediction.label_code, Prediction.label_reason)
        .join(Image, Image.id == Prediction.image_id)
        .where(*of_version)
        .order_by(Image.frame)
        .limit(1)
    ).one()
    session.execute(delete(Prediction).where(*of_version), execution_options={"synchronize_session": False})
    used = (
        exists().where(Prediction.image_id == Image.id),
        exists().where(Reading.image_id == Image.id),
        exists().where(LabelledImage.image_id == Image.id),
    )
    session.execute(
        delete(Image).where(Image.file_id == file_id, Image.frame > 0, *(~one for one in used)),
        execution_options={"synchronize_session": False},
    )
    return Reason(ReasonCode(first.label_code), first.label_reason or "")
