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
    driving
        Of a study, by its id: the image that most drives its result.
    stat
        Images without a study that go before the others.
    """

    rows: "Sequence[Row[Any]]"
    matching: int
    driving: dict[int, int]
    stat: set[int]


def find(context: Context, wanted: WorklistFilter) -> Worklist:
    """The items that a filter fits."""
    with read_connection(context.engine) as connection:
        items, matching = worklist(connection, wanted)
        shown = items if wanted.limit else []
        driving = driving_images(connection, [one.study_id for one in shown if one.study_id is not None])
        stat = stat_images(connection, [one.image_id for one in shown if one.image_id is not None])
        return Worklist(item_rows(connection, items), matching, driving, stat)


def following(context: Context, wanted: WorklistFilter, item: Item) -> Item | None:
    """What is to be read after an item; None after the last one."""
    with read_connection(context.engine) as connection:
        return item_after(connection, wanted, item)
