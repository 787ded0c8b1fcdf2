"""The worklist: studies, and images without one, as they should be read. Without the mapper."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from db.results import read_connection
from db.worklist import Item, WorklistFilter, count_items, item_after, item_rows, worklist
from services.context import Context

if TYPE_CHECKING:
    from sqlalchemy import Row


class Worklist(NamedTuple):
    """Rows of the views `studies` and `results`, and how many there are without the limit."""

    rows: "Sequence[Row[Any]]"
    matching: int


def find(context: Context, wanted: WorklistFilter) -> Worklist:
    """The items that a filter fits."""
    with read_connection(context.engine) as connection:
        rows = item_rows(connection, worklist(connection, wanted))
        return Worklist(rows, count_items(connection, wanted) if wanted.limit else len(rows))


def following(context: Context, wanted: WorklistFilter, item: Item) -> Item | None:
    """What is to be read after an item; None after the last one."""
    with read_connection(context.engine) as connection:
        return item_after(connection, wanted, item)
