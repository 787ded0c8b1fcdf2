"""What became of files."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
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


def results_by_name(context: Context, files: Sequence[tuple[str, int]]) -> list[Any]:
    """The results of these files, each a name and an id, in their order and under these names."""
    found = defaultdict(list)
    with read_session(context.engine) as session:
        for row in results_of(session, list({file_id for _, file_id in files})):
            found[row.file_id].append(row)
    return [
        SimpleNamespace(**{**row._mapping, "source_name": name})
        for name, file_id in files
        for row in found[file_id]
    ]
