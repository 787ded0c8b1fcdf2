"""Recording of which study and series images are. Each function takes a session; the caller commits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple, cast

from sqlalchemy import Insert, case, exists, func, select, update
from sqlalchemy import Table as SqlTable
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.place import Place
from db.states import StudyState
from db.tables import Arrival, Image, Series, Study, Table
from db.upsert import insert_missing
from db.worklist_items import refresh_files, refresh_studies

_IMAGE = cast("SqlTable", Image.__table__)


class PlacedImage(NamedTuple):
    """One picture of a file: its number within it, when and how the file came, and where it belongs."""

    file_id: int
    frame: int
    received_at: datetime
    stat: bool
    place: Place


def place_images(session: Session, images: Sequence[PlacedImage]) -> None:
    """Record these images with their series and study, which is open again.

    Whoever writes a result of a study holds the study's row until the commit, and so does this: either that
    result has these images in it, or the study is open after it.
    """
    if not images:  # as mostly where no DICOM comes
        return
    by_study: dict[str, list[PlacedImage]] = {}
    for image in images:
        by_study.setdefault(image.place.study_uid, []).append(image)
    rows: list[dict[str, Any]] = []
    studies = []
    for uid, of_study in sorted(by_study.items()):  # one order for all writers, or two could deadlock
        study_id = _study(session, uid, of_study)
        studies.append(study_id)
        by_series = {image.place.series_uid: image.place for image in of_study}
        series = {uid: _series(session, study_id, place) for uid, place in sorted(by_series.items())}
        rows += [_row(image, series[image.place.series_uid]) for image in of_study]
    rows.sort(key=lambda row: (row["file_id"], row["frame"]))
    insert_missing(session, Image, rows, ["file_id", "frame"])
    file_ids = {row["file_id"] for row in rows}
    elsewhere = exists().where(Image.file_id.in_(file_ids), Image.series_id.is_(None))
    if session.scalar(select(elsewhere)):  # made by a release before, or for a reader's label
        for row in rows:
            session.execute(
                update(_IMAGE)
                .where(_IMAGE.c.file_id == row["file_id"], _IMAGE.c.frame == row["frame"])
                .values(row)
            )
        refresh_files(session, sorted(file_ids))  # they are items of their study now
    refresh_studies(session, studies)


def reopen_named(session: Session, file_ids: Iterable[int]) -> None:
    """The studies that persons named of which these files are, are open again."""
    named = select(Arrival.study_id).where(Arrival.file_id.in_(list(file_ids)), Arrival.study_id.is_not(None))
    ids = session.scalars(
        select(Study.id).where(Study.id.in_(named)).order_by(Study.id).with_for_update()
    ).all()
    if ids:
        session.execute(update(Study).where(Study.id.in_(ids)).values(state=StudyState.OPEN))
        refresh_studies(session, ids)


def name_studies(session: Session, names: Mapping[str, bool], moment: datetime) -> dict[str, int]:
    """The id of each study that a person named; they are open, and files of them arrived just now.

    Parameters
    ----------
    names
        And whether it goes before the others.
    """
    rows = select(Study.id).where(Study.name.in_(names)).order_by(Study.id)  # locked in one order everywhere
    session.execute(rows.with_for_update())
    return {
        name: _upsert(
            session,
            Study,
            {
                "name": name,
                "state": StudyState.OPEN,
                "stat": stat,
                "received_at": moment,
                "last_arrival_at": moment,
            },
            ["name"],
            _STUDY_LATER,
        )
        for name, stat in sorted(names.items())
    }


def hurry_studies(session: Session, file_ids: Sequence[int]) -> None:
    """The studies of the scanner that images of these files are of go before the others."""
    found = session.execute(
        select(Study.study_uid, Study.id)
        .join(Series, Series.study_id == Study.id)
        .join(Image, Image.series_id == Series.id)
        .where(Image.file_id.in_(file_ids), ~Study.stat)
        .distinct()
    ).tuples()
    ids = [id_ for _, id_ in sorted(found, key=lambda row: row[0] or "")]  # in the order of `place_images`
    for study_id in ids:
        session.execute(update(Study).where(Study.id == study_id).values(stat=True))
    refresh_studies(session, ids)


def _study(session: Session, uid: str, images: Sequence[PlacedImage]) -> int:
    place = images[0].place
    values = {
        "study_uid": uid,
        "accession_number": place.accession_number,
        "study_time": place.study_time,
        "patient_key": place.patient_key,
        "patient_id": place.patient_id,
        "images_expected": place.images_expected,
        "stat": any(image.stat for image in images),
        "state": StudyState.OPEN,
        "received_at": min(image.received_at for image in images),
        "last_arrival_at": max(image.received_at for image in images),
    }
    return _upsert(session, Study, values, ["study_uid"], _STUDY_LATER)


def _series(session: Session, study_id: int, place: Place) -> int:
    values = {"study_id": study_id, "series_uid": place.series_uid, **asdict(place.series)}
    return _upsert(session, Series, values, ["study_id", "series_uid"], {})


def _row(image: PlacedImage, series_id: int) -> dict[str, Any]:
    return {
        "file_id": image.file_id,
        "frame": image.frame,
        "series_id": series_id,
        "sop_instance_uid": image.place.sop_instance_uid,
        "instance_number": image.place.instance_number,
        "position_mm": image.place.position_mm,
    }


def _least(old: Any, new: Any) -> Any:  # noqa: ANN401 - expressions of any type
    return case((new < old, new), else_=old)


def _most(old: Any, new: Any) -> Any:  # noqa: ANN401 - as above
    return case((new > old, new), else_=old)


_STUDY_LATER = {
    "state": lambda _, new: new,
    "stat": lambda old, new: old | new,
    "received_at": _least,
    "last_arrival_at": _most,
}
"""What a further image of a study changes, from what is there and what comes; else the first that says it."""


def _upsert(
    session: Session, entity: type[Table], values: dict[str, Any], key: list[str], later: dict[str, Any]
) -> int:
    """The id of the row with that key, which is made, or takes over what it lacks."""
    table = cast("SqlTable", entity.__table__)
    dialect = session.connection().dialect.name
    insert: Any = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table).values(values)
    changed = {
        name: later.get(name, func.coalesce)(table.c[name], insert.excluded[name])
        for name in values
        if name not in key
    }
    statement: Insert = insert.on_conflict_do_update(index_elements=key, set_=changed).returning(table.c.id)
    return int(session.execute(statement).scalar_one())
