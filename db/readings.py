"""What readers say of images. Each takes a session; the caller commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from core.errors import NoSuchReading
from db.audit import add_entry
from db.engine import batches, now
from db.labelled_images import forget_read, lock_labelled_images, relabel_read
from db.tables import Arrival, File, Image, Reading, Series, Study
from db.worklist_items import refresh_images, refresh_studies


@dataclass(frozen=True)
class NewestReading:
    """The reading of an image that counts."""

    label: str
    reader: str


def record_reading(
    session: Session, image_id: int, label: str, reader: str, note: str | None, address: str | None = None
) -> int:
    """Add a verdict, which the audit has too, and return its id; earlier ones stay, the newest counts.

    Parameters
    ----------
    address
        Of the reader's browser or program; None at the terminal.
    """
    _hold_image(session, image_id)
    said = Reading(image_id=image_id, label=label, reader=reader, note=note, read_at=now())
    _add(session, said, f"image {image_id}", address)
    refresh_images(session, [image_id])
    return said.id


def record_study_reading(
    session: Session, study_id: int, label: str, reader: str, note: str | None, address: str | None = None
) -> int:
    """As `record_reading`, of a study as a whole."""
    _hold_study(session, study_id)
    said = Reading(study_id=study_id, label=label, reader=reader, note=note, read_at=now())
    _add(session, said, f"study {study_id}", address)
    refresh_studies(session, [study_id])
    return said.id


def withdraw_reading(session: Session, reading_id: int, reader: str) -> Reading:
    """Take back a reader's own newest verdict on an image or a study; the one before counts again.

    The training data forgets what it learnt from the verdict, so that whoever labels is asked again.

    Raises
    ------
    NoSuchReading
    """
    lock_labelled_images(session)  # first of all, as whoever labels does
    found = session.get(Reading, reading_id)
    if found is None or found.reader != reader:
        raise NoSuchReading(f"There is no reading {reading_id} of {reader}.")
    if found.image_id is not None:
        _hold_image(session, found.image_id)
        same = Reading.image_id == found.image_id
    else:
        _hold_study(session, int(found.study_id or 0))
        same = Reading.study_id == found.study_id
    newer = exists().where(same, Reading.reader == reader, Reading.id > reading_id)
    if session.scalar(select(newer)):
        raise NoSuchReading(f"Reading {reading_id} is not the newest of {reader}: take that back first.")
    session.delete(found)
    session.flush()
    if found.image_id is None:
        refresh_studies(session, [int(found.study_id or 0)])
        return found
    left = select(Reading.label).where(same).order_by(Reading.id.desc()).limit(1)
    if label := session.scalar(left):
        relabel_read(session, found.image_id, label)
    else:
        forget_read(session, found.image_id)
    refresh_images(session, [found.image_id])
    return found


def _add(session: Session, reading: Reading, subject: str, address: str | None) -> None:
    session.add(reading)
    add_entry(session, reading.reader, "read", subject, reading.label, address)
    session.flush()


def _hold_image(session: Session, image_id: int) -> None:
    """Until the commit nobody else records a reading of it: the worklist says what the last to commit saw."""
    session.execute(
        select(File.id)
        .join(Image, Image.file_id == File.id)
        .where(Image.id == image_id)
        .with_for_update(key_share=True, of=File)
    )


def _hold_study(session: Session, study_id: int) -> None:
    session.execute(select(Study.id).where(Study.id == study_id).with_for_update(key_share=True))


def readings_within(session: Session, study_id: int) -> Sequence[Reading]:
    """Every reading of a study and of its images, oldest first."""
    placed = select(Image.id).join(Series, Series.id == Image.series_id).where(Series.study_id == study_id)
    named = (
        select(Image.id)
        .join(Arrival, Arrival.file_id == Image.file_id)
        .where(Arrival.study_id == study_id, Image.series_id.is_(None))
    )
    of_images = [session.scalars(select(Reading).where(Reading.image_id.in_(one))) for one in (placed, named)]
    found = [*readings_of_study(session, study_id), *of_images[0], *of_images[1]]
    return sorted(set(found), key=lambda reading: reading.id)


def readings_of_image(session: Session, image_id: int) -> Sequence[Reading]:
    """Every reading of an image, oldest first."""
    return session.scalars(select(Reading).where(Reading.image_id == image_id).order_by(Reading.id)).all()


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
