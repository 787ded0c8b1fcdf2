"""Files that are to be tried, or classified, once more."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from db import requeue
from db.queries import find_file
from db.states import FileState
from db.studies import find_study
from models.serving import check_servable
from services.context import Context
from services.models import model_in_use


class Retried(NamedTuple):
    """How many files wait again, of how many, and which of them are in a state that cannot be retried."""

    moved: int
    asked: int
    refused: dict[int, str]


class Reclassified(NamedTuple):
    """How many files wait to be classified again, and by which version."""

    moved: int
    version: str


def retry(
    context: Context, references: Sequence[str], *, quarantined: bool = False, rejected: bool = False
) -> Retried:
    """Put files back into the queue: those named by id or SHA-256, and all that are quarantined or rejected.

    Raises
    ------
    NoSuchFile
        One of those named is not there. Nothing was put back.
    """
    with Session(context.engine) as session, session.begin():
        named = [find_file(session, reference) for reference in references]
        ids = {file.id for file in named}
        refused = {file.id: file.state for file in named if file.state not in requeue.RETRIED}
        ids |= set(requeue.in_state(session, FileState.QUARANTINED)) if quarantined else set()
        ids |= set(requeue.in_state(session, FileState.REJECTED)) if rejected else set()
        moved = requeue.retry(session, sorted(ids))
    context.home.wake_dispatcher()
    return Retried(moved, len(ids), refused)


def reclassify(
    context: Context, received_since: datetime | None = None, study: str | None = None
) -> Reclassified:
    """Have classified files that lack a result of the version in use classified again; old results stay.

    Parameters
    ----------
    study
        Only those of that study.

    Raises
    ------
    NoSuchStudy
    ModelError
        The workers could not serve that version, and would go on with another one.
    """
    stored = model_in_use(context)
    check_servable(stored)
    with Session(context.engine) as session, session.begin():
        study_id = None if study is None else find_study(session, study).id
        moved = requeue.reclassify(session, stored.card.version, received_since, study_id)
    context.home.wake_dispatcher()
    return Reclassified(moved, stored.card.version)
