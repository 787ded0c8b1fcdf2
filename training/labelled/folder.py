"""A folder of labelled images: what it lists, and its images as records for cross-validation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.archive_start import is_archive_file
from core.errors import DatasetError, NotACtSlice, RejectedImage
from core.image_files import Limits
from core.left_alone import is_ignored
from core.printable import printable
from images.sniff import is_image_file
from training.dataset import Record
from training.labelled.examining import Examined, examine_all
from training.labelled.grouping import clusters
from training.labelled.label_table import TABLE, Listed, listing, read_table
from training.labelled.label_words import label_of, unknown_words


@dataclass(frozen=True)
class LabelledFolder:
    """The files that have a label, and those that were passed over: no images by their content."""

    listed: tuple[Listed, ...]
    others: tuple[Path, ...]


def list_folder(folder: Path) -> LabelledFolder:
    """The files that `labels.csv` names, or without one those in folders that are named as a label.

    Raises
    ------
    DatasetError
        No image, or one whose label is not clear.
    """
    table = table_of(folder)
    files = [path for path in sorted(files_below(folder)) if path != table]
    images: list[Path] = []
    others: list[Path] = []
    for path in files:
        (images if is_image_file(path) else others).append(path)
    if table is not None:
        listed = read_table(table, images, others)
        named = {one.path for one in listed}
        return LabelledFolder(listed, tuple(path for path in others if path not in named))
    if not images:
        raise DatasetError(
            f"{printable(str(folder))} holds no image. Name the folder above Normal/ and Hemorrhage/."
        )
    return LabelledFolder(_by_folder(folder, images), tuple(others))


def read_folders(folders: Sequence[Path], limits: Limits) -> tuple[Record, ...]:
    """The images of folders, each a source, as records that no split is decided for.

    Patients are those that tables and files name; else they are told by their looks, across the folders too.
    Slices that show no head, as whole heads have them at both ends, are left out.

    Raises
    ------
    DatasetError
        As `list_folder`; or an image cannot be decoded, or two folders have the same name.
    """
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        raise DatasetError("Two of the folders have the same name, which is what tells sources apart.")
    images, sources, unreadable = list[Examined](), list[str](), list[tuple[Path, RejectedImage]]()
    for folder, name in zip(folders, names, strict=True):
        examined, refused = examine_all(list_folder(folder).listed, limits)
        images += examined
        sources += [name] * len(examined)
        unreadable += [one for one in refused if not isinstance(one[1], NotACtSlice)]
    if unreadable:
        reasons = [f"{path}: {error}" for path, error in unreadable]
        raise DatasetError(
            f"{len(unreadable)} images cannot be trained on. Mend or remove them:\n{listing(reasons)}"
        )
    groups = {i: cluster.name(images) for cluster in clusters(images, []) for i in cluster.new}
    return tuple(
        Record(
            *(image.path, image.label, groups[i]),
            study=image.study,
            position=image.position,
            source=sources[i],
        )
        for i, image in enumerate(images)
    )


def table_of(folder: Path) -> Path | None:
    """The table of labels, in whatever case its name is."""
    shown = printable(str(folder))
    try:
        if is_archive_file(folder):
            raise DatasetError(
                f"{shown} is an archive. Unpack it, and name the folder that holds the images."
            )
        if not folder.is_dir():
            raise DatasetError(f"{shown} is no folder. Name the one that holds the images.")
        tables = [path for path in folder.iterdir() if path.name.lower() == TABLE and path.is_file()]
    except OSError as error:
        raise DatasetError(f"{shown} cannot be read ({error.strerror}).") from error
    return max(tables, key=lambda path: path.name == TABLE, default=None)


def files_below(folder: Path) -> Iterator[Path]:
    """Every regular file below the folder that the inbox would not leave alone; links are not followed."""
    for path in folder.rglob("*"):
        left_alone = any(map(is_ignored, path.relative_to(folder).parts))
        if not left_alone and path.is_file() and not path.is_symlink():
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
        place = f"{printable(str(folder))} has no {TABLE}, and images in the folders"
        raise unknown_words(place, unknown)
    if unclear:
        raise DatasetError(
            f"{unclear} images of {printable(str(folder))} are in no folder that is a label, or in two. Put "
            f"each into Normal/ or Hemorrhage/, or write a {TABLE} with the columns filename, label."
        )
    return tuple(listed)
