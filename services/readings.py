"""What readers say of a case: a study, or an image. Each verdict, and what is taken back, is in the audit."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.errors import NoSuchImage, NoSuchStudy
from db.audit import add_entry
from db.engine import read_session
from db.readings import (
    readings_of_image,
    readings_within,
    record_reading,
    record_study_reading,
    withdraw_reading,
)
from db.tables import Image, Prediction, Reading, Study, StudyResult
from db.worklist import Item
from services.aside import Aside
from services.audit import Who
from services.context import Context
from services.slices import Stored

LONGEST_NOTE: Final = 2000
"""Characters."""


class Standing(NamedTuple):
    """How a case stands just now.

    Attributes
    ----------
    state
        Of the study; an image is final.
    revision
        Another one where images came, or another result.
    readings
        Of it, and of a study's images, oldest first.
    """

    state: str
    revision: str
    readings: Sequence[Reading]


class Recorded(NamedTuple):
    """A verdict, and why no training learns from it (None if one does, or it is of a study)."""

    reading_id: int
    left_out: str | None = None


def standing(context: Context, item: Item) -> Standing:
    """What has been said of a case.

    Raises
    ------
    NoSuchStudy, NoSuchImage
    """
    with read_session(context.engine) as session:
        return standing_of(session, item)


def standing_of(session: Session, item: Item) -> Standing:
    """As `standing`, in a session."""
    if item.study_id is not None:
        study = session.get(Study, item.study_id)
        if study is None:
            raise NoSuchStudy(f"There is no study {item.study_id}.")
        of_it = StudyResult.study_id == study.id
        results = session.scalar(select(func.max(StudyResult.number)).where(of_it)) or 0
        came = study.last_arrival_at.timestamp()
        return Standing(study.state, f"{study.state} {results} {came}", readings_within(session, study.id))
    image_id = int(item.image_id or 0)
    if session.get(Image, image_id) is None:
        raise NoSuchImage(f"There is no image {image_id}.")
    results = session.scalar(select(func.count()).where(Prediction.image_id == image_id)) or 0
    return Standing("final", str(results), readings_of_image(session, image_id))


def record_study(context: Context, study_id: int, label: str, who: Who, note: str | None) -> Recorded:
    """Record a verdict on a study as a whole.

    Raises
    ------
    NoSuchStudy
    """
    with Session(context.engine) as session, session.begin():
        if session.get(Study, study_id) is None:
            raise NoSuchStudy(f"There is no study {study_id}.")
        return Recorded(record_study_reading(session, study_id, label, who.account, note, who.address))


def record_image(
    context: Context, aside: Aside, image: Stored, label: str, who: Who, note: str | None
) -> Recorded:
    """Record a verdict on an image; training learns from it, unless its file has several.

    Raises
    ------
    LabelConflict
        The training data has the same image with the other label. Nothing was recorded.
    DatasetError, StoreUnavailable, HelperLost
    """
    if image.several:
        with Session(context.engine) as session, session.begin():
            said = record_reading(session, image.image_id, label, who.account, note, who.address)
            return Recorded(said, "It is one of several images of its file.")
    done = aside.call("services.label", "label_one", image.file_id, label, who.account, note, who.address)
    if done.conflict:
        raise done.conflict
    with read_session(context.engine) as session:
        mine = Reading.image_id == image.image_id, Reading.reader == who.account
        return Recorded(session.scalars(select(func.max(Reading.id)).where(*mine)).one(), done.left_out)


def undo(context: Context, reading_id: int, who: Who) -> Item:
    """Take back one's own newest verdict on a case; returns which case that is.

    Raises
    ------
    NoSuchReading
    """
    with Session(context.engine) as session, session.begin():
        found = withdraw_reading(session, reading_id, who.account)
        item = Item(found.study_id, found.image_id)
        named = f"study {item.study_id}" if item.study_id is not None else f"image {item.image_id}"
        add_entry(session, who.account, "undo", named, found.label, who.address)
        return item
