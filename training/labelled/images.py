"""The images of the training data in the home: the files, and what the finder keeps of each."""

import logging
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from core.errors import DatasetError, RejectedImage
from core.home import Home
from core.image_files import Limits, read_file
from core.printable import printable
from core.store import SourceChangedError, SourceUnreadableError, open_regular, opened_folder, store_file
from db.states import Split
from db.tables import LabelledImage
from images.decoding import decode
from training.labelled.examining import Examined
from training.labelled.grouping import Known
from training.labelled.similarity import PREPROCESSING, Signature, signature

logger = logging.getLogger(__name__)


def keep_images(home: Home, images: Iterable[Examined], *, link: bool) -> None:
    """Have the images' files, and what the finder keeps of them, in the home; what is there is passed over.

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
                    if image.signature is not None:
                        _keep_signature(home, image.sha256, image.signature)
            os.fsync(folder)
    except OSError as error:
        raise DatasetError(
            f"The image cannot be copied into the home's dataset folder: {error.strerror}. "
            "Nothing was recorded. Make room, or give this user the right to write there, and try again."
        ) from error


def known_images(home: Home, rows: Sequence[LabelledImage], limits: Limits) -> list[Known]:
    """The images of the training data, with their signatures."""
    return [
        Known(
            sha256=row.sha256,
            pixels_sha256=row.pixels_sha256,
            label=row.label,
            group=row.patient_group,
            split=Split(row.split),
            signature=_signature(home, row.sha256, limits),
        )
        for row in rows
    ]


def _keep(image: Examined, folder: int, *, link: bool) -> None:
    descriptor = open_regular(image.path)
    try:
        stored = store_file(descriptor, folder, link=link)
    except (SourceChangedError, SourceUnreadableError) as error:
        raise _changed(image.path) from error
    finally:
        os.close(descriptor)
    if stored.sha256 != image.sha256:
        raise _changed(image.path)


def _changed(path: Path) -> DatasetError:
    return DatasetError(
        f"{printable(str(path))} changed meanwhile. Nothing was recorded; try again when it is whole."
    )


def _signature(home: Home, sha256: str, limits: Limits) -> Signature | None:
    """The signature of a kept image: the kept one, since decoding takes a thousand times as long."""
    try:
        return np.asarray(np.load(_kept_signature(home, sha256)), dtype=np.int8)
    except FileNotFoundError:
        pass
    path = home.dataset / sha256
    if not path.exists():
        return None
    try:
        made = signature(decode(read_file(path, limits.max_file_mb, sha256), limits.max_pixels))
    except RejectedImage as error:
        logger.warning("%s of the training data is compared with no new image: %s", path.name[:12], error)
        return None
    _keep_signature(home, sha256, made)
    return made


def _keep_signature(home: Home, sha256: str, made: Signature) -> None:
    kept = _kept_signature(home, sha256)
    kept.parent.mkdir(mode=0o700, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as file:
        np.save(file, made)
    Path(file.name).replace(kept)  # whole or not at all


def _kept_signature(home: Home, sha256: str) -> Path:
    return home.dataset / f"signatures-{PREPROCESSING.version}" / f"{sha256}.npy"
