"""Scans that are to be tried, or classified, once more."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from db import lifecycle
from db.queries import find_scan
from db.states import ScanState
from models.serving import check_servable
from services.context import Context
from services.models import model_in_use


class Retried(NamedTuple):
    """How many scans wait again, of how many, and which of them are in a state that cannot be retried."""

    moved: int
    asked: int
    refused: dict[int, str]


class Reclassified(NamedTuple):
    """How many scans wait to be classified again, and by which version."""

    moved: int
    version: str


def retry(
    context: Context, references: Sequence[str], *, quarantined: bool = False, rejected: bool = False
) -> Retried:
    """Put scans back into the queue: those named by id or SHA-256, and all that are quarantined or rejected.

    Raises
    ------
    ScanNotFound
        One of those named is not there. Nothing was put back.
    """
    with Session(context.engine) as session, session.begin():
        named = [find_scan(session, reference) for reference in references]
        ids = {scan.id for scan in named}
        refused = {scan.id: scan.state for scan in named if scan.state not in lifecycle.RETRIED}
        ids |= set(lifecycle.in_state(session, ScanState.QUARANTINED)) if quarantined else set()
        ids |= set(lifecycle.in_state(session, ScanState.REJECTED)) if rejected else set()
        moved = lifecycle.retry(session, sorted(ids))
    context.home.wake_dispatcher()
    return Retried(moved, len(ids), refused)


def reclassify(context: Context, received_since: datetime | None = None) -> Reclassified:
    """Have classified scans that lack a result of the version in use classified again; old results stay.

    Raises
    ------
    ModelError
        The workers could not serve that version, and would go on with another one.
    """
    stored = model_in_use(context)
    check_servable(stored)
    with Session(context.engine) as session, session.begin():
        moved = lifecycle.reclassify(session, stored.card.version, received_since)
    context.home.wake_dispatcher()
    return Reclassified(moved, stored.card.version)
