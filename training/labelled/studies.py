"""A folder of whole studies whose labels are known, without those of their slices: for evaluation alone."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import DatasetError, RejectedImage
from core.image_files import Limits, read_file
from core.printable import printable
from images.decoding import decode
from images.dicom import dicom_patient
from images.noted import Noted
from images.sniff import is_image_file
from training.dataset import Record
from training.labelled.folder import files_below, table_of
from training.labelled.label_table import TABLE, listing
from training.labelled.label_words import unknown_words
from training.labelled.table_lines import TableLine, table_lines


@dataclass(frozen=True)
class StudyFolder:
    """The slices of the studies that `labels` names, and how many images are of none or cannot be decoded."""

    records: tuple[Record, ...]
    labels: dict[str, str]
    left_out: int


def read_studies(folder: Path, limits: Limits) -> StudyFolder:
    """Read `labels.csv` with the columns study and label, and the slices below the folder.

    A study is named by its Study Instance UID, or by a folder: its name, or its path below `folder`. Of
    several series in a study the one with most slices is taken.

    Raises
    ------
    DatasetError
        No table, a column lacks, a label is unknown; a study has no slice, or two labels.
    """
    table = table_of(folder)
    if table is None:
        raise DatasetError(
            f"{printable(str(folder))} has no {TABLE}. Write one with the columns study and label."
        )
    lines = _lines(table)
    slices: dict[str, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    left_out = 0
    for path in sorted(files_below(folder)):
        if path != table and is_image_file(path):
            found = _slice(path, folder, lines, limits)
            if found is None:
                left_out += 1
            else:
                series, record = found
                slices[record.study or ""][series].append(record)
    missing = [
        f"line {line.number}, {name}: no such study" for name, line in lines.items() if name not in slices
    ]
    if missing:
        raise DatasetError(
            f"{len(missing)} lines of {table.name} cannot be used. Name a Study Instance UID, or a folder "
            f"with slices of a head:\n{listing(missing)}"
        )
    records = [record for series in slices.values() for record in max(series.values(), key=len)]
    return StudyFolder(tuple(records), {name: line.label or "" for name, line in lines.items()}, left_out)


def _lines(table: Path) -> dict[str, TableLine]:
    """The lines by the study that they name."""
    lines = list(table_lines(table, of_studies=True))
    words = {line.word for line in lines if line.label is None}
    if words:
        raise unknown_words(f"{table.name} has the labels", words)
    if not lines:
        raise DatasetError(f"{printable(str(table))} lists no study. Add a line for each.")
    both = Counter(name for name, _ in {(line.name, line.label) for line in lines})
    wrong = [f"line {line.number}, {line.name}: {line.label}" for line in lines if both[line.name] > 1]
    if wrong:
        raise DatasetError(
            f"{table.name} gives studies both labels. Decide which is right:\n{listing(wrong)}"
        )
    return {line.name: line for line in lines}


def _slice(
    path: Path, folder: Path, lines: dict[str, TableLine], limits: Limits
) -> tuple[str, Record] | None:
    """The series and the record of a file; None for one of no study of the table, or not to be decoded."""
    noted = Noted()
    try:
        data = read_file(path, limits.max_file_mb)
        decode(data, limits.max_pixels, noted)
    except RejectedImage:
        return None
    place = noted.place
    names = (*([place.study_uid] if place else []), *_folders(path, folder))
    study = next((name for name in names if name in lines), None)
    if study is None:
        return None
    record = Record(path, lines[study].label or "", dicom_patient(data) or study, study=study)
    if place is None:
        return "", record
    return place.series_uid, replace(record, position=place.position_mm)


def _folders(path: Path, folder: Path) -> Iterator[str]:
    """What a folder that a file is in may be called, the innermost first."""
    for parent in list(path.relative_to(folder).parents)[:-1]:
        yield parent.as_posix()
        yield parent.name
