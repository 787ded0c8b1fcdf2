"""The training data as the database has it: each image with its label, patient and split."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from core.errors import DatasetError
from core.home import Home
from core.image_files import Limits, read_file
from db.engine import read_session
from db.labelled_images import labelled_images
from db.states import Split
from db.tables import LabelledImage
from models.labels import CLASSES

MIN_GROUPS_PER_CLASS = 3
"""One for each split."""


@dataclass(frozen=True)
class Record:
    """One labelled image.

    Attributes
    ----------
    group
        The patient, or slices that look like one: never split apart.
    split
        What the image is used for; None where that is not decided, as for a folder.
    sha256
        Of the bytes that were recorded; None where nobody did, as for a folder.
    study, position
        The study that its DICOM file or the table names, and where in it, from feet to head; None where
        unknown.
    source
        Where it comes from: the folder that was imported or read; `inbox` for what a reader labelled.
    """

    path: Path
    label: str
    group: str
    split: Split | None = None
    sha256: str | None = None
    study: str | None = None
    position: float | None = None
    source: str = ""

    @property
    def target(self) -> int:
        """Index into `CLASSES`."""
        return CLASSES.index(self.label)


@dataclass(frozen=True)
class Dataset:
    """The records in the order in which they were added, and the `fingerprint` of what they hold."""

    records: tuple[Record, ...]
    fingerprint: str


def load_dataset(engine: Engine, home: Home) -> Dataset:
    """The images that training uses, as `load_records` gives them, with the fingerprint of what they hold."""
    records = load_records(engine, home)
    return Dataset(records, fingerprint(records))


def load_records(engine: Engine, home: Home) -> tuple[Record, ...]:
    """The images that were imported, and the images that were labelled; no file is read.

    Raises
    ------
    DatasetError
        There are none, one class only, too few patients, a split without a class, a file is gone.
    """
    with read_session(engine) as session:
        records = tuple(
            Record(
                *(home.dataset / image.sha256, image.label, image.patient_group),
                *(Split(image.split), image.sha256),
                study=image.study,
                position=image.position,
                source=_source(image),
            )
            for image in labelled_images(session)
        )
    _check(records)
    return records


def read_record(record: Record, limits: Limits) -> bytes:
    """The bytes of a record's file, if they are those that were recorded.

    Raises
    ------
    ImageTooLarge, UnreadableImage
    """
    return read_file(record.path, limits.max_file_mb, record.sha256)


def fingerprint(records: Sequence[Record]) -> str:
    """SHA-256 over the sorted (content hash, label, group, split): no file name and no order counts."""
    entries = sorted(
        f"{_sha256(record.path)} {record.label} {record.group} {record.split or ''}\n" for record in records
    )
    return hashlib.sha256("".join(entries).encode()).hexdigest()


def _source(image: LabelledImage) -> str:
    folder, _, below = image.source_name.partition("/")
    return folder if below and image.image_id is None else "inbox"


def _check(records: Sequence[Record]) -> None:
    if not records:
        raise DatasetError("There is no labelled image yet. Run `headct dataset import DIR`.")
    for label in CLASSES:
        groups = {record.group for record in records if record.label == label}
        if len(groups) < MIN_GROUPS_PER_CLASS:
            raise DatasetError(
                f"The training data has {len(groups)} patients with the label {label}; at least "
                f"{MIN_GROUPS_PER_CLASS} are needed to train, validate and test. "
                "Import more with `headct dataset import DIR`."
            )
    for split in Split:
        for label in CLASSES:
            if not any(record.split == split and record.label == label for record in records):
                raise DatasetError(
                    f"The {split} split has no image labelled {label}. Import more patients with that label: "
                    "`headct dataset import DIR`."
                )
    gone = [record.path.name for record in records if not record.path.is_file()]
    if gone:
        raise DatasetError(
            f"{len(gone)} images are gone from the dataset folder of the home, the first {gone[0]}. Import "
            "them again (`headct dataset import DIR`), or restore the folder from its backup."
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
