"""Studies: which are to be finalised, what their results are made of. The caller commits."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from core.errors import NoSuchStudy
from core.place import SeriesFacts
from core.study_images import StudyFinding, StudyImage, StudyToAssess
from db.engine import batches, now
from db.promotions import name_in_use
from db.states import UNFINISHED, FileState, StudyState
from db.tables import Arrival, File, Image, Prediction, Series, Study, StudyResult
from db.worklist_items import refresh_studies

_ANY_OPEN = select(exists().where(Study.state == StudyState.OPEN))
_MOST, _MOST_LOOKS = 50, 500
"""Studies that are finalised, and looked at, in one go: those that wait longest first."""
_CLOCKS = timedelta(minutes=1)
"""By so much the clocks of several machines may differ."""
_TRIED = 2
"""A file that has been tried so often may take long, and is waited for no more; it reopens its study."""


def any_open(session: Session) -> bool:
    """Whether there is a study without its last result."""
    return bool(session.scalar(_ANY_OPEN))


def mend_last_arrivals(session: Session) -> None:
    """Open studies whose last image came in the future got it now: the clock was set back since."""
    moment = now()
    session.execute(
        update(Study)
        .where(Study.state == StudyState.OPEN, Study.last_arrival_at > moment + _CLOCKS)
        .values(last_arrival_at=moment)
    )


def complete_studies(session: Session, settle: timedelta, *among: ColumnElement[bool]) -> Sequence[int]:
    """Ids of open studies of which no further image is to be expected, urgent ones first.

    No image of it came for `settle`, and no file that came so near to those that are known is still to be
    read; or all images that its files announce are there. All files that are known to be of it have a final
    state.
    """
    is_settled = Study.last_arrival_at <= now() - settle
    announced = _open(session, _MOST, ~is_settled, Study.images_expected == _instances(), *among)
    settled = _open(session, _MOST_LOOKS, is_settled, *among)
    quiet = (study for study in settled if not _unread_beside(session, study, settle))
    return [study.id for study in (*announced, *islice(quiet, _MOST))]


def hold_complete(session: Session, study_id: int, settle: timedelta) -> Study | None:
    """A study whose row is held until the commit (see `db.places`), and which is complete now that it is.

    None where another holds it, or something of it came since it was found complete.
    """
    this = Study.id == study_id
    held = session.scalars(select(Study).where(this).with_for_update(skip_locked=True)).one_or_none()
    return held if held is not None and complete_studies(session, settle, this) else None


def study_to_assess(session: Session, study: Study) -> StudyToAssess:
    """What the result of a study is made of."""
    study_id = study.id
    if study.study_uid is None:
        rows, series = _named_images(session, study_id), {}
    else:
        rows, series = _placed_images(session, study_id), _series_of(session, study_id)
    by_version: dict[str, dict[int, Row[Any]]] = {}
    for row in _predictions(session, [row.image_id for row in rows if row.image_id is not None]):
        by_version.setdefault(row.model_version, {})[row.image_id] = row
    version = _version_that_counts(Counter({name: len(found) for name, found in by_version.items()}), session)
    results = by_version.get(version or "", {})
    images = tuple(_with_result(row, results.get(row.image_id)) for row in rows)
    return StudyToAssess(version, images, series, study.images_expected)


def record_finding(session: Session, study_id: int, finding: StudyFinding) -> bool:
    """The study is final, with this result; returns whether it is another than the one before."""
    moment = now()
    session.execute(update(Study).where(Study.id == study_id).values(state=StudyState.FINAL))
    last = session.scalars(
        select(StudyResult)
        .where(StudyResult.study_id == study_id)
        .order_by(StudyResult.number.desc())
        .limit(1)
    ).one_or_none()
    values = asdict(finding)
    is_new = last is None or any(getattr(last, name) != value for name, value in values.items())
    if is_new:
        number = last.number + 1 if last is not None else 1
        session.add(StudyResult(study_id=study_id, number=number, finalised_at=moment, **values))
        session.flush()
    refresh_studies(session, [study_id])
    return is_new


def _with_result(image: Row[Any], result: Row[Any] | None) -> StudyImage:
    found = StudyImage(**image._mapping)
    if result is None:
        return found
    return replace(found, label=result.label, label_code=result.label_code, probability=result.probability)


def find_study(session: Session, reference: str) -> Study:
    """The study with that id, study instance UID, accession number or name.

    Raises
    ------
    NoSuchStudy
        There is none, or more than one.
    """
    number = reference.removeprefix("id=")
    known_as = [Study.id == int(number)] if number.isdecimal() and len(number) < 10 else []
    if number == reference or not known_as:  # else a study that is named as another one's id would hide that
        known_as += [
            Study.study_uid == reference,
            Study.name == reference,
            Study.accession_number == reference,
        ]
    found = session.scalars(select(Study).where(or_(*known_as)).order_by(Study.id)).all()
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(f"id={study.id}" for study in found[:5])
        raise NoSuchStudy(
            f"More than one study has {reference!r} as its id, name or accession number. Name one by {ids}."
        )
    raise NoSuchStudy(f"There is no study {number if number.isdecimal() else reference!r}.")


def studies_of_files(session: Session, file_ids: Sequence[int]) -> dict[int, int]:
    """The study of each file that is of one, by the file's id; that which its header names comes first."""
    found: dict[int, int] = {}
    for batch in batches(file_ids):
        named = select(Arrival.file_id, Arrival.study_id).where(Arrival.study_id.is_not(None))
        placed = select(Image.file_id, Series.study_id).join(Series, Series.id == Image.series_id)
        for query, column in ((named, Arrival.file_id), (placed, Image.file_id)):
            found |= {row[0]: row[1] for row in session.execute(query.where(column.in_(batch))) if row[1]}
    return found


def results_of_study(session: Session, study_id: int) -> Sequence[StudyResult]:
    """Every result that a study ever had, oldest first."""
    return session.scalars(
        select(StudyResult).where(StudyResult.study_id == study_id).order_by(StudyResult.number)
    ).all()


def _open(session: Session, most: int, *conditions: ColumnElement[bool]) -> Sequence[Any]:
    return session.execute(
        select(Study.id, Study.stat, Study.received_at, Study.last_arrival_at)
        .where(Study.state == StudyState.OPEN, *conditions, ~_unfinished_of_it())
        .order_by(Study.stat.desc(), Study.last_arrival_at)
        .limit(most)
    ).all()


def _instances() -> ColumnElement[int]:
    """How many images of the study are there."""
    return (
        select(func.count(func.distinct(func.coalesce(Image.sop_instance_uid, ""))))
        .join(Series, Series.id == Image.series_id)
        .where(Series.study_id == Study.id)
        .correlate(Study)
        .scalar_subquery()
    )


def _unread_beside(session: Session, study: Any, settle: timedelta) -> bool:  # noqa: ANN401 - a row
    """Whether a file that may be of the study was not read yet: it came within `settle` of one that is."""
    unread = exists().where(
        File.received_at.between(study.received_at - settle, study.last_arrival_at + settle),
        File.state.in_(UNFINISHED),
        File.finished_at.is_(None),
        File.attempts < _TRIED,
        ~exists().where(Image.file_id == File.id, Image.series_id.is_not(None)),  # it is known whose it is
        *((File.stat,) if study.stat else ()),
    )
    return bool(session.scalar(select(unread)))


def _unfinished_of_it() -> ColumnElement[bool]:
    """Whether a file of the study, or an archive that one came out of, has no final state."""
    archive = aliased(File)
    placed = (
        select(File.id)
        .join(Image, Image.file_id == File.id)
        .join(Series, Series.id == Image.series_id)
        .outerjoin(Arrival, and_(Arrival.file_id == File.id, Arrival.archive_id.is_not(None)))
        .outerjoin(archive, archive.id == Arrival.archive_id)
        .where(Series.study_id == Study.id, or_(File.state.in_(UNFINISHED), archive.state.in_(UNFINISHED)))
        .correlate(Study)
    )
    named = (
        select(File.id)
        .join(Arrival, Arrival.file_id == File.id)
        .outerjoin(archive, archive.id == Arrival.archive_id)
        .where(Arrival.study_id == Study.id, or_(File.state.in_(UNFINISHED), archive.state.in_(UNFINISHED)))
        .correlate(Study)
    )
    return or_(placed.exists(), named.exists())


def _placed_images(session: Session, study_id: int) -> Sequence[Row[Any]]:
    name = select(Arrival.source_name).where(Arrival.file_id == Image.file_id).order_by(Arrival.id).limit(1)
    return session.execute(
        select(
            *(Image.id.label("image_id"), Image.frame, Image.series_id, Image.sop_instance_uid),
            *(Image.instance_number, Image.position_mm, name.scalar_subquery().label("source_name")),
        )
        .join(Series, Series.id == Image.series_id)
        .where(Series.study_id == study_id)
    ).all()


def _named_images(session: Session, study_id: int) -> Sequence[Row[Any]]:
    """Those of its files that are in no series; a file that was rejected has no image."""
    return session.execute(
        select(Image.id.label("image_id"), func.coalesce(Image.frame, 0).label("frame"))
        .add_columns(func.min(Arrival.source_name).label("source_name"))
        .select_from(Arrival)
        .join(File, File.id == Arrival.file_id)
        .outerjoin(Image, Image.file_id == File.id)
        .where(Arrival.study_id == study_id, Image.series_id.is_(None), File.state != FileState.UNPACKED)
        .group_by(File.id, Image.id, Image.frame)
    ).all()


def _predictions(session: Session, image_ids: Sequence[int]) -> Iterator[Any]:
    for batch in batches(image_ids):
        yield from session.execute(
            select(
                *(Prediction.image_id, Prediction.model_version, Prediction.label),
                *(Prediction.label_code, Prediction.probability),
            ).where(Prediction.image_id.in_(batch))
        )


def _series_of(session: Session, study_id: int) -> dict[int, SeriesFacts]:
    return {
        one.id: SeriesFacts(
            number=one.number,
            thickness_mm=one.thickness_mm,
            kernel=one.kernel,
            is_bone=one.is_bone,
            contrast=one.contrast,
        )
        for one in session.scalars(select(Series).where(Series.study_id == study_id))
    }


def _version_that_counts(images: Counter[str], session: Session) -> str | None:
    """The version in use where it judged the most images, or nobody any; else that which did."""
    wanted = name_in_use(session)
    if not images:
        return wanted
    most = max(images.values())
    if wanted is not None and images[wanted] == most:
        return wanted
    return max(name for name, count in images.items() if count == most)
