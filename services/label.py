"""What a reader says of images."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy.orm import Session

from core.errors import LabelConflict, SeveralImages
from core.image_files import Limits
from db.engine import read_session
from db.images import known_images
from db.queries import arrivals_of, find_file
from db.readings import record_reading
from db.states import FileState
from services.context import Context
from training.labelled.labelling import Verdict, label_image


class Labelled(NamedTuple):
    """Of a file: what contradicts its label, so that none was recorded; or why no training learns from it."""

    file_id: int
    conflict: LabelConflict | None = None
    left_out: str | None = None


def label_frame(
    context: Context, reference: str, frame: int, verdict: str, reader: str, note: str | None
) -> int:
    """Record a verdict on one image of a file of several; returns the file's id. No training learns from it.

    Raises
    ------
    NoSuchFile, SeveralImages
    """
    with Session(context.engine) as session, session.begin():
        file_id = find_file(session, reference).id
        image_id = known_images(session, file_id).get(frame)
        if image_id is None:
            raise SeveralImages(f"File {file_id} has no image {frame}, or it has no result yet.")
        record_reading(session, image_id, verdict, reader, note)
    return file_id


def label_one(
    context: Context, file_id: int, verdict: str, reader: str, note: str | None, address: str | None
) -> Labelled:
    """As `label`, of one file, asked for from that address."""
    return next(label(context, [str(file_id)], verdict, reader, note, address))


def label(
    context: Context,
    references: Sequence[str],
    verdict: str,
    reader: str,
    note: str | None,
    address: str | None = None,
) -> Iterator[Labelled]:
    """Record a verdict on files, each named by its id or SHA-256; gives them as they are done.

    Raises
    ------
    NoSuchFile, SeveralImages
        One of them is not there, or has several images. Nothing was recorded.
    DatasetError, StoreUnavailable
        What was given before is recorded.
    """
    with read_session(context.engine) as session:
        files = [find_file(session, name) for name in references]
        found = {file.id: file.sha256 for file in files}
        archives = {file.id for file in files if file.state == FileState.UNPACKED}
        for file_id in found:
            if len(known_images(session, file_id)) > 1:
                raise SeveralImages(f"File {file_id} has several images, which have labels of their own.")
        arrived = {file_id: arrivals_of(session, file_id)[:1] for file_id in found}
        names = {file_id: "".join(one.source_name for one in first) for file_id, first in arrived.items()}
    limits = Limits.of(context.settings)
    for file_id, sha256 in found.items():
        if file_id in archives:
            yield Labelled(
                file_id, LabelConflict(f"File {file_id} is an archive. Label what came out of it.")
            )
            continue
        said = Verdict(file_id, verdict, reader, note, address)
        try:
            left_out = label_image(context.engine, context.home, limits, sha256, names[file_id], said)
        except LabelConflict as conflict:
            yield Labelled(file_id, conflict)
        else:
            yield Labelled(file_id, left_out=left_out)
