"""The worklist, in the order in which it should be read. Without the mapper, as `db.results`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    Connection,
    DateTime,
    Double,
    Integer,
    Row,
    String,
    column,
    func,
    or_,
    select,
    table,
    tuple_,
)

from db.engine import batches
from db.results import image_rows
from db.types import UtcDateTime

STUDY_COLUMNS = (
    *("study_id", "study_uid", "name", "accession_number", "study_time", "received_at", "priority", "state"),
    *("label", "label_code", "label_reason", "probability", "threshold", "rule", "model_version"),
    *("images_expected", "images_received", "images_assessed", "images_uncertain", "finalised_at"),
    *("reader_label", "warnings"),
)
_TYPES = {"received_at": UtcDateTime(), "finalised_at": UtcDateTime(), "study_time": DateTime()}
STUDIES = table("studies", *(column(name, _TYPES.get(name)) for name in STUDY_COLUMNS))
ITEM = table(
    "worklist_item",
    *(column(name, Integer()) for name in ("id", "study_id", "image_id", "urgency")),
    column("improbability", Double()),
    *(column(name, String()) for name in ("label", "state", "reader_label")),
    column("has_warnings", Boolean()),
    column("received_at", UtcDateTime()),
    column("study_time", DateTime()),
    *(column(name, String()) for name in ("accession_number", "name")),
)
_STUDY_RESULT = table(
    "study_result",
    *(column("id"), column("study_id", Integer()), column("model_version"), column("driving_images", JSON())),
)
_IMAGE = table("image", column("id", Integer()), column("file_id", Integer()))
_FILE = table("file", column("id", Integer()), column("stat", Boolean()))
_SOMETIMES = {"probability": ITEM.c.improbability + 0 <= 1, "study_time": ITEM.c.study_time.is_not(None)}
"""What not every item has, and its order leaves the others out."""

_FEW = 1000

Sort = Literal["urgency", "received", "study_time", "probability"]


class Item(NamedTuple):
    """A study, or an image without one, by its id."""

    study_id: int | None
    image_id: int | None


@dataclass(frozen=True)
class WorklistFilter:
    """Which items, in which order; `limit` 0 means all.

    Attributes
    ----------
    label
        That the model gave, or `none`.
    verdict
        That a reader gave, or `none`.
    since, before
        When its first file arrived.
    search
        Part of an accession number, and with `in_names` of the name of study or file.
    """

    state: str | None = None
    label: str | None = None
    verdict: str | None = None
    warnings: bool | None = None
    since: datetime | None = None
    before: datetime | None = None
    search: str | None = None
    in_names: bool = False
    studies_only: bool = False
    sort: Sort = "urgency"
    descending: bool = False
    limit: int = 0
    offset: int = 0


class Page(NamedTuple):
    """Items in their order, how many there are without the limit, and how many fit but have no place."""

    items: Sequence[Item]
    matching: int
    left_out: int


def worklist(connection: Connection, wanted: WorklistFilter) -> Page:
    """The items that a filter fits, in its order; by default the most urgent first."""
    fits = list(_conditions(wanted))
    few: Sequence[int] | None = None
    if wanted.search:
        # In the order of an index a database looks on until a page is full: where few are found, at all.
        few = connection.scalars(select(ITEM.c.id).where(*fits).limit(_FEW + 1)).all()
        few = None if len(few) > _FEW else few
    chosen = fits if few is None else [ITEM.c.id.in_(few)]
    keys, falls = _keys(wanted)
    query = select(ITEM.c.study_id, ITEM.c.image_id).where(*chosen)
    query = query.order_by(*(key.desc() if falls else key for key in keys))
    if wanted.limit:
        query = query.limit(wanted.limit).offset(wanted.offset)
    items = [Item(*row) for row in connection.execute(query)]
    matching = len(items) if few is None else len(few)
    if wanted.limit and few is None:
        matching = _count(connection, fits)
    return Page(items, matching, _without_place(connection, wanted))


def item_after(connection: Connection, wanted: WorklistFilter, item: Item) -> Item | None:
    """The item that comes next in that order; None after the last one, or where the item is none any more."""
    keys, falls = _keys(wanted)
    own = ITEM.c.study_id == item.study_id if item.study_id else ITEM.c.image_id == item.image_id
    here = connection.execute(select(*keys).where(own)).one_or_none()
    if here is None or None in here:
        return None
    query = select(ITEM.c.study_id, ITEM.c.image_id).where(*_conditions(wanted))
    if falls:
        query = query.where(tuple_(*keys) < tuple_(*here)).order_by(*(key.desc() for key in keys))
    else:
        query = query.where(tuple_(*keys) > tuple_(*here)).order_by(*keys)
    found = connection.execute(query.limit(1)).one_or_none()
    return None if found is None else Item(*found)


def study_rows(connection: Connection, ids: Sequence[int]) -> Sequence[Row[Any]]:
    """Rows of the view `studies`, in the order of the ids."""
    found = {
        row.study_id: row
        for batch in batches(ids)
        for row in connection.execute(select(STUDIES).where(STUDIES.c.study_id.in_(batch)))
    }
    return [found[id_] for id_ in ids if id_ in found]


def item_rows(connection: Connection, items: Sequence[Item]) -> Sequence[Row[Any]]:
    """Rows of the views: `studies` for a study, `results` for an image."""
    studies = study_rows(connection, [item.study_id for item in items if item.study_id is not None])
    images = image_rows(connection, [item.image_id for item in items if item.image_id is not None])
    found: dict[Item, Row[Any]] = {Item(row.study_id, None): row for row in studies}
    found |= {Item(None, row.image_id): row for row in images}
    return [found[item] for item in items if item in found]


def driving_images(connection: Connection, studies: Sequence[Row[Any]]) -> dict[int, int]:
    """Of each of these rows of the view `studies` the middle one of the images that drive its result."""
    columns = _STUDY_RESULT.c
    query = select(columns.study_id, columns.model_version, columns.driving_images).order_by(columns.id)
    found = connection.execute(query.where(columns.study_id.in_([row.study_id for row in studies])))
    driving = {(row.study_id, row.model_version): row.driving_images for row in found}  # the newest counts
    shown = {row.study_id: driving.get((row.study_id, row.model_version)) for row in studies}
    return {study_id: images[len(images) // 2] for study_id, images in shown.items() if images}


def stat_images(connection: Connection, image_ids: Sequence[int]) -> set[int]:
    """Those of these images whose files go before the others."""
    query = select(_IMAGE.c.id).join(_FILE, _FILE.c.id == _IMAGE.c.file_id)
    return set(connection.scalars(query.where(_IMAGE.c.id.in_(image_ids), _FILE.c.stat)))


def study_row(connection: Connection, study_id: int) -> Row[Any]:
    """The row of one study."""
    return connection.execute(select(STUDIES).where(STUDIES.c.study_id == study_id)).one()


def _keys(wanted: WorklistFilter) -> tuple[list[Any], bool]:
    """What the items are ordered by, and whether all of it falls; the last key is unique."""
    columns = ITEM.c
    by: dict[Sort, list[Any]] = {
        "urgency": [columns.urgency, columns.improbability, columns.received_at],
        "received": [columns.received_at],
        "study_time": [columns.study_time],
        "probability": [columns.improbability],
    }
    falls = wanted.descending != (wanted.sort == "probability")
    return [*by[wanted.sort], columns.id], falls


def _conditions(wanted: WorklistFilter) -> Iterator[ColumnElement[bool]]:
    columns = ITEM.c
    if wanted.studies_only:
        yield columns.study_id.is_not(None)
    if wanted.state:
        yield columns.state == wanted.state
    for said, by in ((wanted.label, columns.label), (wanted.verdict, columns.reader_label)):
        if said:
            yield by.is_(None) if said == "none" else by == said
    if wanted.warnings is not None:
        yield columns.has_warnings.is_(wanted.warnings)
    if wanted.since:
        yield columns.received_at >= wanted.since
    if wanted.before:
        yield columns.received_at < wanted.before
    if wanted.search:
        searched = (
            (columns.accession_number, columns.name) if wanted.in_names else (columns.accession_number,)
        )
        yield or_(*(by.icontains(wanted.search, autoescape=True) for by in searched))
    if wanted.sort in _SOMETIMES:
        yield _SOMETIMES[wanted.sort]


def _without_place(connection: Connection, wanted: WorklistFilter) -> int:
    if wanted.sort not in _SOMETIMES:
        return 0
    return _count(connection, [*_conditions(replace(wanted, sort="urgency")), ~_SOMETIMES[wanted.sort]])


def _count(connection: Connection, fits: Sequence[ColumnElement[bool]]) -> int:
    return connection.scalar(select(func.count()).select_from(ITEM).where(*fits)) or 0
