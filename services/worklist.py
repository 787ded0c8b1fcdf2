"""The studies, in the order in which they should be read. It needs no mapper, which loads slowly."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from db.results import read_connection
from db.worklist import StudyFilter, count_studies, worklist
from services.context import Context

if TYPE_CHECKING:
    from sqlalchemy import Row


class Worklist(NamedTuple):
    """Rows of the view `studies`, and, if limited, how many there are."""

    rows: "Sequence[Row[Any]]"
    matching: int


def find(context: Context, wanted: StudyFilter) -> Worklist:
    """The studies that a filter fits."""
    with read_connection(context.engine) as connection:
        matching = count_studies(connection, wanted) if wanted.limit else 0
        return Worklist(worklist(connection, wanted), matching)
