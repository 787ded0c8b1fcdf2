"""What readers say of images. Each takes a session; the caller commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.engine import batches, now
from db.tables import File, Image, Reading, Study
from db.worklist_items import refresh_images, refresh_studies


@dataclass(frozen=True)
class NewestReading:
    """The reading of an image that counts."""

    label: str
    reader: str


def record_reading(session: Session, image_id: int, label: str, reader: str, note: str | None) -> None:
    """Add a reader's verdict; earlier ones stay, the newest counts."""
    session.execute(  # the worklist says what the last to commit saw
        select(File.id)
        .join(Image, Image.file_id == File.id)
        .where(Image.id == image_id)
        .with_for_update(key_share=True, of=File)
    )
    session.add(Reading(image_id=image_id, label=label, reader=reader, note=note, read_at=now()))
    session.flush()
    refresh_images(session, [image_id])


def record_study_reading(session: Session, study_id: int, label: str, reader: str, note: str | None) -> None:
    """As `record_reading`, of a study as a whole."""
    session.execute(select(Study.id).where(Study.id == study_id).with_for_update(key_share=True))
    session.add(Reading(study_id=study_id, label=label, reader=reader, note=note, read_at=now()))
    session.flush()
    refresh_studies(session, [study_id])


def readings_of_study(session: Session, study_id: int) -> Sequence[Reading]:
    """Every reading of a study as a whole, oldest first."""
    return session.scalars(select(Reading).where(Reading.study_id == study_id).order_by(Reading.id)).all()


def readings_of(session: Session, file_id: int) -> Sequence[Reading]:
    """Every reading of the images of one file, oldest first."""
    return session.scalars(
        select(Reading)
        .join(Image, Image.id == Reading.image_id)
        .where(Image.file_id == file_id)
        .order_by(Reading.id)
    ).all()


def newest_readings(session: Session, sha256s: Sequence[str]) -> dict[str, NewestReading]:
    """The readings that count of the first images of files with those bytes, by their SHA-256."""
    return {
        row.sha256: NewestReading(row.label, row.reader)
        for batch in batches(sha256s)
        for row in session.execute(
            select(File.sha256, Reading.label, Reading.reader)
            .join(Image, Image.file_id == File.id)
            .join(Reading, Reading.image_id == Image.id)
            .where(File.sha256.in_(batch), Image.frame == 0)
            .order_by(Reading.id)  # a later one replaces an earlier one
        )
    }


def count_new_labels(session: Session, since: datetime) -> int:
    """How many readings of images are newer than that moment."""
    labelled = Reading.read_at > since, Reading.image_id.is_not(None)
    return session.scalar(select(func.count()).where(*labelled)) or 0
