"""What became of files that somebody has just handed over, known by their SHA-256."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from db.archives import members_by_state
from db.engine import read_session
from db.results import results_of_hashes
from db.states import FileState
from db.studies import studies_of_files
from services.context import Context


class Fate(NamedTuple):
    """What became of a file; without a state it was not taken in yet.

    Attributes
    ----------
    label, probability
        Of its image that is most probably a hemorrhage.
    members
        How many came out of an archive, by their state.
    """

    sha256: str
    state: str | None
    reason: str | None = None
    label: str | None = None
    probability: float | None = None
    image_id: int | None = None
    images: int = 0
    study_id: int | None = None
    members: dict[str, int] = {}  # noqa: RUF012 - never changed


def became(context: Context, hashes: Sequence[str]) -> list[Fate]:
    """What became of files, in the order of their SHA-256."""
    with read_session(context.engine) as session:
        rows: dict[str, list[Any]] = {sha256: [] for sha256 in hashes}
        for row in results_of_hashes(session, hashes):
            rows[row.sha256].append(row)
        studies = studies_of_files(session, [row.file_id for found in rows.values() for row in found[:1]])
        return [_fate(session, sha256, rows[sha256], studies) for sha256 in hashes]


def _fate(session: Session, sha256: str, rows: Sequence[Any], studies: dict[int, int]) -> Fate:
    if not rows:
        return Fate(sha256, None)
    first = max(rows, key=lambda row: -1 if row.probability is None else row.probability)
    unpacked = first.state == FileState.UNPACKED
    return Fate(
        sha256,
        first.state,
        first.reason,
        first.label,
        first.probability,
        first.image_id,
        sum(row.image_id is not None for row in rows),
        studies.get(first.file_id),
        members_by_state(session, first.file_id) if unpacked else {},
    )
