"""The images of files. Each takes a session; the caller commits."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.tables import Image
from db.upsert import insert_missing


def first_images(session: Session, file_ids: Sequence[int]) -> dict[int, int]:
    """The id of frame 0 of each of these files (at most `MAX_IDS`), which is made where there is none."""
    found = images_of(session, [(file_id, 0) for file_id in file_ids])
    return {file_id: image_id for (file_id, _), image_id in found.items()}


def images_of(session: Session, frames: Sequence[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """The id of each of these images, named by file and frame; they are made where there are none."""
    rows = [{"file_id": file_id, "frame": frame} for file_id, frame in sorted(frames)]
    insert_missing(session, Image, rows, ["file_id", "frame"])
    found = session.execute(
        select(Image.file_id, Image.frame, Image.id).where(
            Image.file_id.in_({file_id for file_id, _ in frames}),
            Image.frame.in_({frame for _, frame in frames}),
        )
    )
    return {(row.file_id, row.frame): row.id for row in found}


def known_images(session: Session, file_id: int) -> dict[int, int]:
    """The id of each image of a file, by its frame; none before its first result."""
    found = session.execute(select(Image.frame, Image.id).where(Image.file_id == file_id))
    return {row.frame: row.id for row in found}
