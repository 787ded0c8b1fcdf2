"""`labels.csv`: which file has which label, and of which patient it is."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import DatasetError
from training.labelled.label_words import label_of, unknown_words

MAX_GROUP = 128
"""Characters; what the database's column holds."""
_SHOWN = 50
_FILE, _LABEL, _GROUP = ("filename", "id"), ("label", "hemorrhage"), "group"
_ZERO_ONE = {"0": "normal", "1": "hemorrhage"}


@dataclass(frozen=True)
class Listed:
    """A file, its label, and the patient if that is said."""

    path: Path
    label: str
    group: str | None = None


def read_table(table: Path, files: Sequence[Path]) -> tuple[Listed, ...]:
    """Read a table with the columns filename, label and, if known, group; or Kaggle's id, hemorrhage (0, 1).

    Parameters
    ----------
    files
        Every file below the table's folder.

    Raises
    ------
    DatasetError
        A column lacks, a label is unknown, a line has no file or more than one; lists all of them.
    """
    rows = list(_rows(table))
    kinds = {row[1] for row in rows if row[2] is None}
    if kinds:
        raise unknown_words(f"{table.name} has the labels", kinds)
    found, named = [], _by_name(table.parent, files)
    wrong = []
    for name, _, label, group in rows:
        fitting = next((named[key] for key in _keys(name) if key in named), [])
        if len(fitting) == 1 and label is not None and len(group) <= MAX_GROUP:
            found.append(Listed(fitting[0], label, group or None))
        elif not fitting:
            wrong.append(f"{name or '(empty)'}: no such file")
        elif len(fitting) > 1:
            wrong.append(f"{name}: {len(fitting)} files fit; write the path below the folder")
        else:
            wrong.append(f"{name}: the group is longer than {MAX_GROUP} characters")
    if wrong:
        raise DatasetError(
            f"{len(wrong)} lines of {table.name} cannot be used. Mend or remove them:\n{listing(wrong)}"
        )
    if not found:
        raise DatasetError(f"{table} lists no image. Add a line for each.")
    return tuple(found)


def listing(lines: Sequence[str]) -> str:
    """One line for each, the first of many; for the terminal, since they name files."""
    more = [f"... and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return "\n".join(f"  {line}" for line in [*lines[:_SHOWN], *more])


def _rows(table: Path) -> Iterator[tuple[str, str, str | None, str]]:
    """File name, word, label (None if the word is unknown) and group of each line."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            columns = {(name or "").strip().lower(): name for name in rows.fieldnames or ()}
            file_column = _column(table, columns, _FILE)
            label_column = _column(table, columns, _LABEL)
            for row in rows:
                cells = {name: (row[column] or "").strip() for name, column in columns.items()}
                word = cells[label_column]
                label = label_of(word) if label_column == "label" else _ZERO_ONE.get(word)
                yield cells[file_column], word or "(empty)", label, cells.get(_GROUP, "")
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{table} is no CSV table in UTF-8. Save it as one.") from error


def _column(table: Path, columns: Iterable[str], names: Sequence[str]) -> str:
    for name in names:
        if name in columns:
            return name
    raise DatasetError(
        f"{table} lacks the column {names[0]}. It needs filename and label (and group, the patient, if "
        "known), or id and hemorrhage (0 or 1), separated by commas."
    )


def _by_name(folder: Path, files: Sequence[Path]) -> dict[tuple[str, str], list[Path]]:
    """Files by each name that a table may give them."""
    named: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in files:
        named["path", path.relative_to(folder).as_posix()].append(path)
        named["name", path.name].append(path)
        named["stem", path.stem].append(path)
        if path.stem.isdecimal():
            named["number", str(int(path.stem))].append(path)
            named["number", f"{int(path.stem)}{path.suffix}"].append(path)
    return named


def _keys(name: str) -> Iterator[tuple[str, str]]:
    """How a name is looked up, the exact ways first."""
    yield from (("path", name), ("name", name), ("stem", name))
    stem, dot, suffix = name.partition(".")
    if stem.isdecimal():
        yield "number", f"{int(stem)}{dot}{suffix}"
