"""A case as a viewer shows it: a study, or one image, with all that was said of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import NoSuchImage
from db.engine import read_session
from db.results import image_rows
from db.tables import Arrival, Image, Prediction, Series
from db.worklist import Item
from services import studies
from services.context import Context
from services.readings import Standing, standing
from services.slices import tag_of

if TYPE_CHECKING:
    from sqlalchemy import Row


class CaseSlice(NamedTuple):
    """One slice, and what the model said of it.

    Attributes
    ----------
    image_id, tag
        None where its file was rejected before it became an image; see `services.slices.tag_of`.
    drives
        Whether the study's probability is made of it.
    """

    image_id: int | None
    tag: str | None
    label: str | None
    label_code: str | None
    probability: float | None
    drives: bool = False
    position_mm: float | None = None


class Result(NamedTuple):
    """What one version said of the case."""

    version: str
    label: str
    probability: float | None
    at: datetime


class Case(NamedTuple):
    """What is shown.

    Attributes
    ----------
    row
        Of the view `studies`, or of `results`.
    slices
        From feet to head.
    results
        All that there ever were, oldest first.
    study_id
        That the case is, or that the image is in.
    """

    item: Item
    row: "Row[Any]"
    slices: Sequence[CaseSlice]
    results: Sequence[Result]
    standing: Standing
    study_id: int | None


def study_case(context: Context, study_id: int) -> Case:
    """A study.

    Raises
    ------
    NoSuchStudy
    """
    item = Item(study_id, None)
    stands = standing(context, item)  # before: what comes meanwhile makes another revision
    found = studies.show(context, f"id={study_id}")
    results = [
        Result(one.model_version, one.label, one.probability, one.finalised_at) for one in found.results
    ]
    return Case(item, found.row, slices_of(found), results, stands, study_id)


def slices_of(study: studies.Study) -> list[CaseSlice]:
    """The slices of a study."""
    return [
        CaseSlice(
            one.image.image_id,
            tag_of(one.source.sha256, one.image.frame) if one.source else None,
            one.image.label,
            one.image.label_code,
            one.image.probability,
            one.drives,
            one.image.position_mm,
        )
        for one in study.slices
    ]


def image_case(context: Context, image_id: int) -> Case:
    """One image, whether it is in a study or not.

    Raises
    ------
    NoSuchImage
    """
    item = Item(None, image_id)
    stands = standing(context, item)
    with read_session(context.engine) as session:
        rows = image_rows(session, [image_id])
        if not rows:
            raise NoSuchImage(f"There is no image {image_id}.")
        (row,) = rows
        said = select(Prediction).where(Prediction.image_id == image_id).order_by(Prediction.classified_at)
        results = [
            Result(one.model_version, one.label, one.probability, one.classified_at)
            for one in session.scalars(said)
        ]
        study_id = _study_of(session, image_id)
    tag = tag_of(row.sha256, row.frame)
    slices = [CaseSlice(image_id, tag, row.label, row.label_code, row.probability)]
    return Case(item, row, slices, results, stands, study_id)


def first_of(slices: Sequence[CaseSlice]) -> int:
    """Where a reader begins: the middle one of those that drive the result, else the middle."""
    driving = [place for place, one in enumerate(slices) if one.drives]
    return driving[len(driving) // 2] if driving else len(slices) // 2


def ahead(context: Context, item: Item) -> list[tuple[int, str]]:
    """The images of a case by id and tag, in the order in which they are likely to be looked at.

    Raises
    ------
    NoSuchStudy, NoSuchImage
    """
    if item.study_id is None:
        slices: Sequence[CaseSlice] = image_case(context, int(item.image_id or 0)).slices
    else:
        slices = slices_of(studies.show(context, f"id={item.study_id}"))
    first = first_of(slices)
    near = sorted(range(len(slices)), key=lambda place: abs(place - first))
    shown = [(slices[place].image_id, slices[place].tag) for place in near]
    return [(image_id, tag) for image_id, tag in shown if image_id is not None and tag is not None]


def _study_of(session: Session, image_id: int) -> int | None:
    placed = select(Series.study_id).join(Image, Image.series_id == Series.id).where(Image.id == image_id)
    named = (
        select(Arrival.study_id)
        .join(Image, Image.file_id == Arrival.file_id)
        .where(Image.id == image_id, Arrival.study_id.is_not(None))
        .limit(1)
    )
    return session.scalar(placed) or session.scalar(named)
