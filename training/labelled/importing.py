"""`headct dataset import`: a folder's images become rows of the training data."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import DatasetError
from core.home import Home
from core.image_files import Limits
from core.printable import printable
from db.engine import now, read_session
from db.labelled_images import add_if_unchanged, labelled_images
from db.readings import newest_readings
from db.tables import LabelledImage
from training.labelled.examining import Examined
from training.labelled.images import keep_images, known_images
from training.labelled.labels import check_labels
from training.labelled.placing import Place, place


@dataclass(frozen=True)
class Imported:
    """What became of the images: rows added, images that were there already, files left out."""

    added: int
    already_there: int
    left_out: tuple[Path, ...]


def import_images(
    engine: Engine, home: Home, images: Sequence[Examined], folder: Path, limits: Limits
) -> Imported:
    """Add the images that are not there yet, each to its patient's group and split.

    Raises
    ------
    DatasetError
        No image, labels that contradict each other or what is there; then nothing was written.
    """
    if not images:
        raise DatasetError(
            f"{printable(str(folder))} holds no image that can be trained on. Name one of head-CT slices."
        )
    while True:
        with read_session(engine) as session:
            there = labelled_images(session)
            said = newest_readings(session, [image.sha256 for image in images])
        check_labels(images, there, said)
        placed = list(zip(images, place(images, known_images(home, there, limits)), strict=True))
        seen = {row.pixels_sha256 for row in there}
        new: dict[str, tuple[Examined, Place]] = {}
        left_out = []
        for image, found in placed:
            if image.pixels_sha256 in seen:
                continue
            if found is None:
                left_out.append(image.path)
            else:
                new.setdefault(image.pixels_sha256, (image, found))
        kept = {row.sha256 for row in there}  # whose files may be gone
        keep_images(home, [image for image in images if image.sha256 in kept], link=False)
        keep_images(home, [image for image, _ in new.values()], link=False)
        rows = [new_row(image, found, _name(image.path, folder)) for image, found in new.values()]
        with Session(engine) as session, session.begin():
            added = add_if_unchanged(session, rows, there)
        if added:
            return Imported(len(rows), len(images) - len(rows) - len(left_out), tuple(left_out))


def new_row(image: Examined, found: Place, name: str) -> LabelledImage:
    """The row of an image that is new to the training data."""
    return LabelledImage(
        sha256=image.sha256,
        pixels_sha256=image.pixels_sha256,
        label=image.label,
        patient_group=found.group,
        split=found.split,
        study=image.study,
        position=image.position,
        source_name=name,
        added_at=now(),
    )


def _name(path: Path, folder: Path) -> str:
    """The file's name as text that every database takes."""
    return os.fsencode(path.relative_to(folder.parent)).decode("utf-8", "backslashreplace")
