"""All that is known of one file."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from db.archives import members_by_state
from db.engine import read_session
from db.queries import arrivals_of, find_file, predictions_of
from db.readings import readings_of
from db.results import results_of
from db.tables import Arrival, File, Prediction, Reading
from services.context import Context

if TYPE_CHECKING:
    from sqlalchemy import Row


class Shown(NamedTuple):
    """A file, and what there is to it.

    Attributes
    ----------
    predictions
        Of its image; none of a file of several.
    rows
        Of the view `results`, one for each image.
    members
        Of an archive, the files that came out of it, by state.
    """

    file: File
    arrivals: Sequence[Arrival]
    predictions: Sequence[Prediction]
    readings: Sequence[Reading]
    rows: "Sequence[Row[Any]]"
    members: dict[str, int]


def show(context: Context, reference: str) -> Shown:
    """Look up a file, named by its id or SHA-256.

    Raises
    ------
    NoSuchFile
    """
    with read_session(context.engine) as session:
        file = find_file(session, reference)
        rows = results_of(session, [file.id])
        return Shown(
            file,
            arrivals_of(session, file.id),
            predictions_of(session, file.id) if len(rows) == 1 else [],
            readings_of(session, file.id),
            rows,
            members_by_state(session, file.id),
        )
