"""A folder of labelled images: what it lists, and its images as records for cross-validation."""

from collections.abc import Iterator
from pathlib import Path

from core.errors import DatasetError
from core.image_files import Limits
from training.dataset import Record
from training.labelled.examining import examine_all
from training.labelled.grouping import clusters
from training.labelled.label_table import Listed, listing, read_table
from training.labelled.label_words import label_of, unknown_words

TABLE = "labels.csv"
_DOCUMENTS = {".csv", ".db", ".htm", ".html", ".ini", ".json", ".md", ".pdf", ".txt", ".xls", ".xlsx", ".xml"}


def list_folder(folder: Path) -> tuple[Listed, ...]:
    """The files that `labels.csv` names, or without one those in folders that are named as a label.

    Raises
    ------
    DatasetError
        No image, or one whose label is not clear.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder} is no folder. Name the one that holds the images.")
    files = sorted(_files(folder))
    table = folder / TABLE
    if table.is_file():
        return read_table(table, files)
    if not files:
        raise DatasetError(f"{folder} holds no image. Name the folder above Normal/ and Hemorrhage/.")
    return _by_folder(folder, files)


def read_folder(folder: Path, limits: Limits) -> tuple[Record, ...]:
    """A folder's images as records that no part is decided for; where no patient is named, as they look.

    Raises
    ------
    DatasetError
        As `list_folder`; or an image cannot be trained on.
    """
    images, unreadable = examine_all(list_folder(folder), limits)
    if unreadable:
        reasons = [f"{path}: {error}" for path, error in unreadable]
        raise DatasetError(
            f"{len(unreadable)} images cannot be trained on. Mend or remove them:\n{listing(reasons)}"
        )
    groups = {i: cluster.name(images) for cluster in clusters(images, []) for i in cluster.new}
    return tuple(Record(image.path, image.label, groups[i]) for i, image in enumerate(images))


def _files(folder: Path) -> Iterator[Path]:
    """Every regular file below the folder that may be an image; links are not followed."""
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.suffix.lower() not in _DOCUMENTS and path.is_file() and not path.is_symlink():
            yield path


def _by_folder(folder: Path, files: list[Path]) -> tuple[Listed, ...]:
    listed, unknown, unclear = [], set(), 0
    for path in files:
        folders = path.relative_to(folder).parts[:-1]
        labels = {label for name in folders if (label := label_of(name))}
        if len(labels) == 1:
            listed.append(Listed(path, labels.pop()))
        elif labels or not folders:
            unclear += 1
        else:
            unknown.add("/".join(folders))
    if unknown:
        raise unknown_words(f"{folder} has no {TABLE}, and images in the folders", unknown)
    if unclear:
        raise DatasetError(
            f"{unclear} images of {folder} are in no folder that is a label, or in two. Put each into "
            f"Normal/ or Hemorrhage/, or write a {TABLE} with the columns filename, label."
        )
    return tuple(listed)
