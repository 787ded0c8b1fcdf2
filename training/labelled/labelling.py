"""`headct label`: a reader's verdict on an image, which becomes training data."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import RejectedImage, SeveralFrames
from core.home import Home
from core.image_files import Limits, read_stored
from db.engine import read_session
from db.images import first_images
from db.labelled_images import add_if_unchanged, labelled_images, lock_labelled_images, relabel_read
from db.readings import record_reading
from db.tables import LabelledImage
from training.labelled.examining import Examined, examine
from training.labelled.images import keep_images, known_images
from training.labelled.importing import new_row
from training.labelled.label_table import Listed
from training.labelled.labels import check_reading
from training.labelled.placing import place


@dataclass(frozen=True)
class Verdict:
    """What a reader says of a file's image."""

    file_id: int
    label: str
    reader: str
    note: str | None = None
    address: str | None = None


def label_image(
    engine: Engine, home: Home, limits: Limits, sha256: str, name: str, verdict: Verdict
) -> str | None:
    """Record a verdict, and have the image in the training data; returns why it is not, if so.

    A changed mind changes the label there; the split stays.

    Parameters
    ----------
    sha256, name
        The image's bytes, and the name under which it came.

    Raises
    ------
    LabelConflict
        The same image is in the training data with the other label, and not as this image.
    DatasetError, StoreUnavailable
        The image cannot be copied, or no stored one read; nothing was recorded.
    SeveralFrames
        The file has several images; nothing was recorded.
    """
    try:
        data = read_stored(home, sha256, limits.max_file_mb)  # what a worker would refuse is not learnt
        image = examine(Listed(home.bytes_path(sha256), verdict.label), limits, data)
    except SeveralFrames:
        raise
    except RejectedImage as error:
        with Session(engine) as session, session.begin():
            lock_labelled_images(session)
            _record(session, verdict, [])
        return str(error)
    while True:
        with read_session(engine) as session:
            there = labelled_images(session)
        check_reading(image, verdict.file_id, there)
        rows, left_out = _new_rows(home, image, name, there, limits)
        with Session(engine) as session, session.begin():
            if add_if_unchanged(session, rows, there):
                _record(session, verdict, rows)
                return left_out


def _record(session: Session, verdict: Verdict, rows: Sequence[LabelledImage]) -> None:
    image_id = first_images(session, [verdict.file_id])[verdict.file_id]
    for row in rows:
        row.image_id = image_id
    record_reading(session, image_id, verdict.label, verdict.reader, verdict.note, verdict.address)
    relabel_read(session, image_id, verdict.label)


def _new_rows(
    home: Home,
    image: Examined,
    name: str,
    there: Sequence[LabelledImage],
    limits: Limits,
) -> tuple[list[LabelledImage], str | None]:
    """The image's row if it has none yet, or why it gets none."""
    if any(image.sha256 == row.sha256 for row in there):
        keep_images(home, [image], link=True)  # its file may be gone
        return [], None
    if any(image.pixels_sha256 == row.pixels_sha256 for row in there):
        return [], None
    (found,) = place([image], known_images(home, there, limits))
    if found is None:
        return [], "It looks like patients of two splits, and would show one the other's."
    keep_images(home, [image], link=True)
    return [new_row(image, found, name)], None
