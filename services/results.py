"""What became of files."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from db.engine import read_session
from db.results import ResultFilter, count_results, each_result, largest_id, read_connection, results_of
from services.context import Context

if TYPE_CHECKING:
    from sqlalchemy import Row


class Results(NamedTuple):
    """Rows of the view `results`, read as they are asked for; of how many if limited; the largest id."""

    rows: "Iterator[Row[Any]]"
    matching: int
    largest_id: int


def find(context: Context, wanted: ResultFilter) -> Results:
    """The results that a filter fits."""
    rows = each_result(context.engine, wanted)
    with read_connection(context.engine) as connection:
        matching = count_results(connection, wanted) if wanted.limit else 0
        return Results(rows, matching, largest_id(connection))


def results_of_files(context: Context, file_ids: Sequence[int]) -> "Sequence[Row[Any]]":
    """The results of these files, in the order of arrival."""
    with read_session(context.engine) as session:
        return results_of(session, file_ids)
