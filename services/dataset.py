"""The labelled images that training learns from."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.orm import Session

from core.errors import RejectedImage
from core.image_files import Limits
from db.engine import read_session
from db.labelled_images import labelled_images, relabel_imported
from db.tables import LabelledImage
from services.context import Context
from training.labelled.examining import Examined, examine_all
from training.labelled.folder import list_folder
from training.labelled.importing import Imported, import_images
from training.labelled.label_table import Listed


class Examination(NamedTuple):
    """Of a folder: what can be trained on, what cannot be and why, and what is no image by its content."""

    images: list[Examined]
    unreadable: list[tuple[Path, RejectedImage]]
    others: Sequence[Path]


def examine(context: Context, folder: Path, told: Callable[[int, int], None]) -> Examination:
    """Look at the images of a folder with `labels.csv`, or the folders Normal and Hemorrhage.

    Parameters
    ----------
    told
        Called for each image with those that are done and all of them.

    Raises
    ------
    DatasetError
        No image, or one whose label is not clear.
    """
    found = list_folder(folder)

    def listed() -> Iterator[Listed]:
        for done, one in enumerate(found.listed, start=1):
            yield one
            told(done, len(found.listed))

    return Examination(*examine_all(listed(), Limits.of(context.settings)), found.others)


def add(context: Context, folder: Path, images: Sequence[Examined]) -> Imported:
    """Add the images of that folder that are not there yet.

    Raises
    ------
    DatasetError
        No image, or labels that contradict each other or what is there; then nothing was written.
    """
    return import_images(context.engine, context.home, images, folder, Limits.of(context.settings))


def labelled(context: Context) -> Sequence[LabelledImage]:
    """All of them."""
    with read_session(context.engine) as session:
        return labelled_images(session)


def relabel(context: Context, reference: str, label: str) -> None:
    """Correct the label of an imported image, named by the first digits of its SHA-256.

    Raises
    ------
    DatasetError
    """
    with Session(context.engine) as session, session.begin():
        relabel_imported(session, reference, label)
