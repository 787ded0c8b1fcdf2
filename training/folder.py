"""A folder of labelled images, as `labels.csv` lists them."""

import csv
from pathlib import Path

from core.errors import DatasetError
from models.card import CLASSES
from training.dataset import Record


def read_folder(folder: Path) -> tuple[Record, ...]:
    """Read `labels.csv` (columns filename, label and, if known, group) of a folder of images.

    Raises
    ------
    DatasetError
        No table, a row without a file, an unknown label.
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
    if not records:
        raise DatasetError(f"{table} lists no image. Add a line for each.")
    return records


def _record(folder: Path, row: dict[str, str | None], line: int) -> Record:
    name, label = (row["filename"] or "").strip(), (row["label"] or "").strip()
    if label not in CLASSES:
        raise DatasetError(f"labels.csv, line {line}: label {label!r} is not one of {', '.join(CLASSES)}.")
    path = folder / name
    if not name or not path.is_file():
        raise DatasetError(f"labels.csv, line {line}: there is no file {name!r}. Add it or remove the line.")
    return Record(path, label, (row.get("group") or "").strip() or name)
