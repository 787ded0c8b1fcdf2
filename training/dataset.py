"""A folder of labelled images, as `labels.csv` lists them."""

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

from core.errors import DatasetError
from models.card import CLASSES

MIN_GROUPS_PER_CLASS = 3
"""One for each part of the split."""


@dataclass(frozen=True)
class Record:
    """One labelled image. `group` is the patient (or the nearest that is known): never split apart."""

    path: Path
    label: str
    group: str

    @property
    def target(self) -> int:
        """Column of the softmax: index into `CLASSES`."""
        return CLASSES.index(self.label)


@dataclass(frozen=True)
class Dataset:
    """The records in the order of the table, and a fingerprint of what they hold.

    `fingerprint` is the SHA-256 over the sorted (content hash, label, group) of all records, so that it
    does not depend on file names or order.
    """

    records: tuple[Record, ...]
    fingerprint: str


def load_dataset(folder: Path) -> Dataset:
    """Read `labels.csv` (columns filename, label and, if known, group) of a folder of images.

    Raises
    ------
    DatasetError
        No table, a row without a file, an unknown label, one class only, too few patients.
    """
    table = folder / "labels.csv"
    if not table.is_file():
        raise DatasetError(f"{folder} has no labels.csv. Write one with the columns filename, label, group.")
    with table.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        missing = {"filename", "label"} - set(rows.fieldnames or ())
        if missing:
            raise DatasetError(f"{table} lacks the column {', '.join(sorted(missing))}. Add it.")
        records = tuple(_record(folder, row, rows.line_num) for row in rows)
    _check(table, records)
    entries = sorted(f"{_sha256(record.path)} {record.label} {record.group}\n" for record in records)
    return Dataset(records, hashlib.sha256("".join(entries).encode()).hexdigest())


def _record(folder: Path, row: dict[str, str | None], line: int) -> Record:
    name, label = (row["filename"] or "").strip(), (row["label"] or "").strip()
    if label not in CLASSES:
        raise DatasetError(f"labels.csv, line {line}: label {label!r} is not one of {', '.join(CLASSES)}.")
    path = folder / name
    if not name or not path.is_file():
        raise DatasetError(f"labels.csv, line {line}: there is no file {name!r}. Add it or remove the line.")
    return Record(path, label, (row.get("group") or "").strip() or name)


def _check(table: Path, records: tuple[Record, ...]) -> None:
    if not records:
        raise DatasetError(f"{table} lists no image. Add a line for each.")
    for label in CLASSES:
        groups = {record.group for record in records if record.label == label}
        if not groups:
            raise DatasetError(f"{table} has no image labelled {label}. Training needs both labels.")
        if len(groups) < MIN_GROUPS_PER_CLASS:
            raise DatasetError(
                f"{table} has {len(groups)} patients (column group) with the label {label}; at least "
                f"{MIN_GROUPS_PER_CLASS} are needed to train, validate and test. Add more."
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
