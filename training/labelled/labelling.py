"""`headct label`: a reader's verdict on a scan, which becomes training data."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import RejectedImage
from core.home import Home
from core.image_files import Limits, read_stored
from db.engine import reading
from db.labelled_images import add_if_unchanged, labelled_images, relabel_scan
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
    """What a reader says of a scan."""

    scan_id: int
    label: str
    reader: str
    note: str | None = None


def label_scan(
    engine: Engine, home: Home, limits: Limits, sha256: str, name: str, verdict: Verdict
) -> str | None:
    """Record a verdict, and have the scan in the training data; returns why it is not, if so.

    A changed mind changes the label there; the part stays.

    Parameters
    ----------
    sha256, name
        The scan's bytes, and the name under which it came.

    Raises
    ------
    LabelConflict
        The same image is in the training data with the other label, and not as this scan.
    DatasetError, StoreUnavailable
        The image cannot be copied, or no stored one read; nothing was recorded.
    """
    try:
        data = read_stored(home, sha256, limits.max_file_mb)  # what a worker would refuse is not learnt
        image = examine(Listed(home.scan_file(sha256), verdict.label), limits, data)
    except RejectedImage as error:
        with Session(engine) as session, session.begin():
            _record(session, verdict)
        return str(error)
    while True:
        with reading(engine) as session:
            there = labelled_images(session)
        check_reading(image, verdict.scan_id, there)
        rows, left_out = _new_rows(home, image, name, verdict, there, limits)
        with Session(engine) as session, session.begin():
            if add_if_unchanged(session, rows, there):
                _record(session, verdict)
                return left_out


def _record(session: Session, verdict: Verdict) -> None:
    record_reading(session, verdict.scan_id, verdict.label, verdict.reader, verdict.note)
    relabel_scan(session, verdict.scan_id, verdict.label)


def _new_rows(
    home: Home,
    image: Examined,
    name: str,
    verdict: Verdict,
    there: Sequence[LabelledImage],
    limits: Limits,
) -> tuple[list[LabelledImage], str | None]:
    """The scan's row if it has none yet, or why it gets none."""
    if any(image.sha256 == row.sha256 for row in there):
        keep_images(home, [image], link=True)  # its file may be gone
        return [], None
    if any(image.pixels_sha256 == row.pixels_sha256 for row in there):
        return [], None
    (found,) = place([image], known_images(home, there, limits))
    if found is None:
        return [], "It looks like patients of two parts, and would show one the other's."
    keep_images(home, [image], link=True)
    return [new_row(image, found, name, verdict.scan_id)], None
