"""The lines of a table of labels, as spreadsheets and programs of every kind write it."""

import codecs
import csv
import io
import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import DatasetError
from core.printable import printable
from training.labelled.label_words import label_of

_FILE, _STUDY, _LABEL = ("filename", "id"), ("study",), ("label", "hemorrhage")
_GROUP, _SLICE = "group", "slice"
_NEEDS = {
    False: "filename and label (and group, the patient, if known), or id and hemorrhage (0 or 1)",
    True: "study (its Study Instance UID, or its folder) and label",
}
_YES_OR_NO = {
    **dict.fromkeys(("0", "0.0", "false", "no"), "normal"),
    **dict.fromkeys(("1", "1.0", "true", "yes"), "hemorrhage"),
}
"""What may stand in the column hemorrhage. Under `label` a 1 says nothing: classes are numbered both ways."""
_DELIMITERS = ",;\t"
_UNSEEN = "".join(map(chr, (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF)))
"""What is copied along with a text and does not show."""


@dataclass(frozen=True)
class TableLine:
    """A line: the file, the word for its label, which label that is (None: unknown), and the patient.

    `position` is the number of the slice in that patient's one study, from feet to head; None where unknown.
    """

    number: int
    name: str
    word: str
    label: str | None
    group: str
    position: float | None = None


def table_lines(table: Path, *, of_studies: bool = False) -> Iterator[TableLine]:
    """The lines that are not empty, numbered from 1, which is the heading.

    UTF-8, or UTF-16 with its mark; divided by commas, semicolons or tabs; any kind of line end; a line
    `sep=;` before the heading. The names of columns may be in any case, with spaces, hyphens, underscores.
    With `of_studies` the first column names a study in place of a file.

    Raises
    ------
    DatasetError
        It is no such table, or lacks a column.
    """
    text = _text(table)
    rows = csv.reader(
        io.StringIO(text, newline=None), delimiter=_delimiter(text), skipinitialspace=True, strict=True
    )
    try:
        heading = next((row for row in rows if any(row) and not row[0].startswith("sep=")), [])
        columns = [re.sub(r"[\s_-]+", "", _bare(cell).lower()) for cell in heading]
        names = (_STUDY if of_studies else _FILE), (_LABEL[:1] if of_studies else _LABEL)
        file, label = (_column(table, columns, some, _NEEDS[of_studies]) for some in names)
        group, place = (columns.index(name) if name in columns else -1 for name in (_GROUP, _SLICE))
        for row in rows:
            cells = [_bare(cell) for cell in row] + [""] * (1 + len(columns) - len(row))
            if not any(cells):
                continue
            word = cells[label]
            said = label_of(word) if columns[label] == "label" else _YES_OR_NO.get(word.lower())
            patient = unicodedata.normalize("NFC", cells[group]) if group >= 0 else ""
            position = _number(cells[place]) if place >= 0 and patient else None
            yield TableLine(rows.line_num, cells[file], word or "(empty)", said, patient, position)
    except csv.Error as error:
        raise DatasetError(f"{_shown(table)} is no CSV table: line {rows.line_num}: {error}.") from error


def _text(table: Path) -> str:
    try:
        data = table.read_bytes()
    except OSError as error:
        raise DatasetError(f"{_shown(table)} cannot be read ({error.strerror}).") from error
    utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if utf_16 else "utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise DatasetError(f"{_shown(table)} is no CSV table in UTF-8. Save it as one (in Excel: CSV UTF-8).")
    return text


def _delimiter(text: str) -> str:
    """What divides the heading: whatever is in it most often."""
    lines = (line for line in text.splitlines() if line.strip())
    first = next(lines, "")
    heading = next(lines, "") if first.startswith("sep=") else first
    return max(_DELIMITERS, key=heading.count)


def _number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _bare(cell: str) -> str:
    return cell.strip().strip(_UNSEEN).strip()


def _column(table: Path, columns: Sequence[str], names: Sequence[str], needs: str) -> int:
    for name in names:
        if columns.count(name) > 1:
            raise DatasetError(f"{_shown(table)} has two columns {name}. Remove the one that is not meant.")
        if name in columns:
            return columns.index(name)
    hint = ""
    if names is _FILE and _STUDY[0] in columns:
        hint = " A table of studies is for `headct evaluate --studies`."
    raise DatasetError(
        f"{_shown(table)} lacks the column {names[0]}. It needs {needs}, separated by commas, semicolons or "
        f"tabs.{hint}"
    )


def _shown(table: Path) -> str:
    return printable(str(table))
