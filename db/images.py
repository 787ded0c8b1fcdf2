"""The images of files. Each takes a session; the caller commits."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.tables import Image
from db.upsert import insert_missing


def first_images(session: Session, file_ids: Sequence[int]) -> dict[int, int]:
    """The id of frame 0 of each of these files (at most `MAX_IDS`), which is made where there is none."""
    rows = [{"file_id": file_id, "frame": 0} for file_id in file_ids]
    insert_missing(session, Image, rows, ["file_id", "frame"])
    found = session.execute(
        select(Image.file_id, Image.id).where(Image.file_id.in_(file_ids), Image.frame == 0)
    )
    return {row.file_id: row.id for row in found}
