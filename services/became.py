"""What became of files that somebody has just handed over, known by their SHA-256."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from db.archives import members_by_state
from db.engine import read_session
from db.results import results_of_hashes
from db.states import FileState
from db.studies import studies_of_files
from services.context import Context


@dataclass(frozen=True)
class Became:
    """What became of a file; `state` is null while it has not been taken in.

    Label and probability are of its image that is most probably a hemorrhage. `members` counts by state what
    came out of an archive.
    """

    sha256: str
    state: str | None = None
    reason: str | None = None
    label: str | None = None
    probability: float | None = None
    image_id: int | None = None
    images: int = 0
    study_id: int | None = None
    members: dict[str, int] = field(default_factory=dict)


def became(context: Context, hashes: Sequence[str]) -> list[Became]:
    """What became of files, in the order of their SHA-256."""
    with read_session(context.engine) as session:
        rows: dict[str, list[Any]] = {sha256: [] for sha256 in hashes}
        for row in results_of_hashes(session, hashes):
            rows[row.sha256].append(row)
        studies = studies_of_files(session, [row.file_id for found in rows.values() for row in found[:1]])
        return [_fate(session, sha256, rows[sha256], studies) for sha256 in hashes]


def _fate(session: Session, sha256: str, rows: Sequence[Any], studies: dict[int, int]) -> Became:
    if not rows:
        return Became(sha256)
    first = max(rows, key=lambda row: -1 if row.probability is None else row.probability)
    unpacked = first.state == FileState.UNPACKED
    return Became(
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
