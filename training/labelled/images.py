"""The images of the training data in the home: the files, and what the finder keeps of each."""

import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from core.errors import DatasetError, RejectedImage
from core.home import Home
from core.printable import printable
from core.store import SourceChangedError, SourceUnreadableError, keep, open_regular, opened_folder
from db.states import Part
from db.tables import LabelledImage
from images.decoding import decode
from training.labelled.examining import Examined
from training.labelled.grouping import Known
from training.labelled.similarity import PREPROCESSING, Signature, signature


def keep_images(home: Home, images: Iterable[Examined], *, link: bool) -> None:
    """Have the images' files in the home, on disk; those that are there are passed over.

    Raises
    ------
    DatasetError
        A file changed since it was examined, or the folder cannot be written.
    """
    try:
        home.dataset.mkdir(mode=0o700, parents=True, exist_ok=True)
        with opened_folder(home.dataset) as folder:
            for image in images:
                if not (home.dataset / image.sha256).exists():
                    _keep(image, folder, link=link)
            os.fsync(folder)
    except OSError as error:
        raise DatasetError(
            f"The image cannot be copied into the home's dataset folder: {error.strerror}. "
            "Nothing was recorded. Make room, or give this user the right to write there, and try again."
        ) from error


def known_images(home: Home, rows: Sequence[LabelledImage]) -> list[Known]:
    """The images of the training data, with their signatures."""
    return [
        Known(
            sha256=row.sha256,
            pixels_sha256=row.pixels_sha256,
            label=row.label,
            group=row.patient_group,
            part=Part(row.part),
            signature=_signature(home, row.sha256),
        )
        for row in rows
    ]


def _keep(image: Examined, folder: int, *, link: bool) -> None:
    descriptor = open_regular(image.path)
    try:
        kept = keep(descriptor, folder, link=link)
    except (SourceChangedError, SourceUnreadableError) as error:
        raise _changed(image.path) from error
    finally:
        os.close(descriptor)
    if kept.sha256 != image.sha256:
        raise _changed(image.path)


def _changed(path: Path) -> DatasetError:
    return DatasetError(
        f"{printable(str(path))} changed meanwhile. Nothing was recorded; try again when it is whole."
    )


def _signature(home: Home, sha256: str) -> Signature | None:
    """The signature of a kept image, itself kept since decoding takes a thousand times as long."""
    folder = home.dataset / f"signatures-{PREPROCESSING.version}"
    kept = folder / f"{sha256}.npy"
    try:
        return np.asarray(np.load(kept), dtype=np.int8)
    except FileNotFoundError:
        pass
    try:
        made = signature(decode((home.dataset / sha256).read_bytes()))
    except (FileNotFoundError, RejectedImage):
        return None
    folder.mkdir(mode=0o700, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        np.save(file, made)
    Path(file.name).replace(kept)  # whole or not at all
    return made
