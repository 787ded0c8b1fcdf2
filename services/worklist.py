"""The worklist: studies, and images without one, as they should be read. Without the mapper."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from db.results import read_connection
from db.worklist import (
    Item,
    WorklistFilter,
    driving_images,
    item_after,
    item_rows,
    stat_images,
    worklist,
)
from services.context import Context

if TYPE_CHECKING:
    from sqlalchemy import Row


class Worklist(NamedTuple):
    """Rows of the views `studies` and `results`.

    Attributes
    ----------
    matching
        How many there are without the limit.
    left_out
        How many fit the filter, but have nothing to be ordered by.
    driving
        Of a study, by its id: the image that most drives its result.
    stat
        Images without a study that go before the others.
    """

    rows: "Sequence[Row[Any]]"
    matching: int
    left_out: int
    driving: dict[int, int]
    stat: set[int]


def find(context: Context, wanted: WorklistFilter) -> Worklist:
    """The items that a filter fits."""
    with read_connection(context.engine) as connection:
        items, matching, left_out = worklist(connection, wanted)
        rows = item_rows(connection, items)
        if not wanted.limit:
            return Worklist(rows, matching, left_out, {}, set())
        driving = driving_images(connection, [row for row in rows if hasattr(row, "study_id")])
        stat = stat_images(connection, [one.image_id for one in items if one.image_id is not None])
        return Worklist(rows, matching, left_out, driving, stat)


def following(context: Context, wanted: WorklistFilter, item: Item) -> Item | None:
    """What is to be read after an item; None after the last one."""
    with read_connection(context.engine) as connection:
        return item_after(connection, wanted, item)
