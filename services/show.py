"""All that is known of one file."""

from collections.abc import Sequence
from typing import NamedTuple

from db.archives import members_by_state
from db.engine import read_session
from db.queries import arrivals_of, find_file, predictions_of
from db.readings import readings_of
from db.results import results_of
from db.tables import Arrival, File, Prediction, Reading
from services.context import Context


class Shown(NamedTuple):
    """A file, and what there is to it; `version` is that whose result stands in the view `results`.

    Of an archive `members` are the files that came out of it, by state.
    """

    file: File
    arrivals: Sequence[Arrival]
    predictions: Sequence[Prediction]
    readings: Sequence[Reading]
    version: str | None
    members: dict[str, int]


def show(context: Context, reference: str) -> Shown:
    """Look up a file, named by its id or SHA-256.

    Raises
    ------
    NoSuchFile
    """
    with read_session(context.engine) as session:
        file = find_file(session, reference)
        return Shown(
            file,
            arrivals_of(session, file.id),
            predictions_of(session, file.id),
            readings_of(session, file.id),
            next((row.model_version for row in results_of(session, [file.id])), None),
            members_by_state(session, file.id),
        )
