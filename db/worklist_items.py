"""What the worklist's order is made of. Who writes results or readings refreshes it in that transaction.

The views say how studies and images stand, but to sort and filter 100,000 of them by a view takes seconds.
"""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, case, delete, exists, func, literal, null, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.engine import batches
from db.results import RESULTS
from db.tables import Arrival, File, Image, Prediction, StudyResult
from db.worklist import ITEM, STUDIES

_URGENCY = ("hemorrhage", "uncertain", "not assessed", None, "normal")
"""Labels in the order in which they want a reader; None is what has no label yet."""
_READ, _ROUTINE = 20, 10
"""So much later comes what was read, and what is not urgent: more than the labels make out."""


def refresh_studies(session: Session, study_ids: Sequence[int]) -> None:
    """Let the items of these studies say what the view says. One without an image has no item."""
    _refresh(session, "study_id", study_ids)


def refresh_images(session: Session, image_ids: Sequence[int]) -> None:
    """As `refresh_studies`. Only an image with a result, and without a study, has an item."""
    _refresh(session, "image_id", image_ids)


def refresh_files(session: Session, file_ids: Sequence[int]) -> None:
    """As `refresh_images`, for all images of these files."""
    for batch in batches(file_ids):
        mine = select(Image.id).where(Image.file_id.in_(batch))
        refresh_images(session, session.scalars(mine).all())


def refresh_judged_by(session: Session, versions: Sequence[str]) -> None:
    """Refresh what one of these versions judged, and another too: which result counts may change."""
    for judged, refresh, id_ in (
        (Prediction, refresh_images, Prediction.image_id),
        (StudyResult, refresh_studies, StudyResult.study_id),
    ):
        several = (
            select(id_)
            .where(id_.in_(select(id_).where(judged.model_version.in_(versions))))
            .group_by(id_)
            .having(func.count(judged.model_version.distinct()) > 1)
        )
        refresh(session, session.scalars(several).all())


def _urgency(reader_label: Any, stat: Any, label: Any) -> ColumnElement[int]:  # noqa: ANN401
    ranks = {label: rank for rank, label in enumerate(_URGENCY) if label}
    return (
        case((reader_label.is_(None), 0), else_=_READ)
        + case((stat, 0), else_=_ROUTINE)
        + case(ranks, value=label, else_=_URGENCY.index(None))
    )


def _studies() -> Select[Any]:
    view = STUDIES.c
    return select(
        *(view.study_id, null().label("image_id")),
        _urgency(view.reader_label, view.priority == "stat", view.label).label("urgency"),
        *_common(view),
        *(view.state, view.study_time, view.accession_number, view.name),
    ).where(view.images_received > 0)


def _images() -> Select[*tuple[Any, ...]]:
    view = RESULTS.c
    named = exists().where(Arrival.file_id == File.id, Arrival.study_id.is_not(None))
    return (
        select(
            *(null().label("study_id"), view.image_id),
            _urgency(view.reader_label, File.stat, view.label).label("urgency"),
            *_common(view),
            *(literal("final").label("state"), null().label("study_time"), null().label("accession_number")),
            view.source_name.label("name"),
        )
        .join(File, File.id == view.file_id)
        .join(Image, Image.id == view.image_id)
        .where(view.label.is_not(None), Image.series_id.is_(None), ~named)
    )


def _common(view: Any) -> Iterator[ColumnElement[Any]]:  # noqa: ANN401 - the columns of either view
    yield func.coalesce(1 - view.probability, 2.0).label("improbability")
    yield from (view.label, view.reader_label, view.received_at)
    yield view.warnings.is_not(None).label("has_warnings")


def _refresh(session: Session, key: str, ids: Sequence[int]) -> None:
    """The items with these ids become what the view says; one that it does not have goes."""
    if not ids:
        return
    connection = session.connection()
    statement = _statement(connection.dialect.name, key)
    for batch in batches(sorted(ids)):
        kept = connection.scalars(statement, {"ids": batch}).all()
        if gone := set(batch).difference(kept):
            connection.execute(delete(ITEM).where(ITEM.c[key].in_(gone)))


@functools.cache
def _statement(dialect: str, key: str) -> Any:  # noqa: ANN401 - an INSERT of either dialect
    """Made once, since to make it takes longer than to run it."""
    rows = _studies() if key == "study_id" else _images()
    names = [column.name for column in rows.selected_columns]
    own = rows.selected_columns[key]
    rows = rows.where(own.in_(bindparam("ids", expanding=True))).order_by(own)  # locked in one order
    insert: Any = (postgresql if dialect == "postgresql" else sqlite).insert(ITEM).from_select(names, rows)
    changed = {name: insert.excluded[name] for name in names if name not in {"study_id", "image_id"}}
    return insert.on_conflict_do_update(index_elements=[key], set_=changed).returning(ITEM.c[key])
