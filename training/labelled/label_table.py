"""`labels.csv`: which file has which label, and of which patient it is."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from core.errors import DatasetError
from core.printable import printable
from training.labelled.label_words import LEFT_OUT, unknown_words
from training.labelled.table_lines import TableLine, table_lines

TABLE = "labels.csv"
MAX_GROUP = 128
"""Characters; what the database's column holds."""
_SHOWN, _LONGEST = 50, 300
_Named: TypeAlias = Mapping[tuple[str, str], Sequence[Path]]


@dataclass(frozen=True)
class Listed:
    """A file, its label, and the patient and the number of the slice in the head, if that is said."""

    path: Path
    label: str
    group: str | None = None
    position: float | None = None


def read_table(table: Path, images: Sequence[Path], others: Sequence[Path] = ()) -> tuple[Listed, ...]:
    """Read a table with the columns filename, label and, if known, group; or Kaggle's id, hemorrhage (0, 1).

    Parameters
    ----------
    images, others
        Every file below the table's folder: those that may be images, and those that count only if the table
        names them in full.

    Raises
    ------
    DatasetError
        A column lacks, a label is unknown, a line has no file or more than one, lines contradict each other;
        lists all of them.
    """
    lines = [line for line in table_lines(table) if line.word.lower() != LEFT_OUT]
    words = {line.word for line in lines if line.label is None}
    if words:
        raise unknown_words(f"{table.name} has the labels", words, "0 and 1 only in a column hemorrhage.")
    named = _by_name(table.parent, images, others)
    wrong, said = [], defaultdict(list)
    for line in lines:
        fitting = _files_of(line.name, named)
        if len(fitting) != 1 or len(line.group) > MAX_GROUP:
            wrong.append(_problem(line, len(fitting)))
        else:
            said[fitting[0]].append(line)
    found = [_listed(path, lines) for path, lines in said.items()]
    wrong += [_contradiction(lines) for lines, one in zip(said.values(), found, strict=True) if one is None]
    if wrong:
        raise DatasetError(
            f"{len(wrong)} lines of {table.name} cannot be used. Mend or remove them:\n{listing(wrong)}"
        )
    if not found:
        raise DatasetError(f"{printable(str(table))} lists no image. Add a line for each.")
    return tuple(one for one in found if one is not None)


def listing(lines: Sequence[str]) -> str:
    """One line for each, the first of many; for the terminal, since they name files."""
    more = [f"... and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return "\n".join(f"  {printable(line)[:_LONGEST]}" for line in [*lines[:_SHOWN], *more])


def _problem(line: TableLine, fitting: int) -> str:
    where = f"line {line.number}, {line.name or '(empty)'}"
    if not fitting:
        return f"{where}: no such file"
    if fitting > 1:
        return f"{where}: {fitting} files fit; write the path below the folder"
    return f"{where}: the group is longer than {MAX_GROUP} characters"


def _listed(path: Path, lines: Sequence[TableLine]) -> Listed | None:
    """What all lines about a file say of it; None if they contradict each other."""
    labels = {line.label for line in lines if line.label}
    groups = {line.group for line in lines if line.group}
    if len(labels) > 1 or len(groups) > 1:
        return None
    position = next((line.position for line in lines if line.position is not None), None)
    return Listed(path, labels.pop(), next(iter(groups), None), position)


def _contradiction(lines: Sequence[TableLine]) -> str:
    said = (f"{line.label} {line.group}".rstrip() + f" in line {line.number}" for line in lines)
    return f"{lines[0].name}: {', '.join(said)}"


def _by_name(folder: Path, images: Iterable[Path], others: Iterable[Path]) -> _Named:
    """Files by each name that a table may give them."""
    named: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in images:
        below = path.relative_to(folder).as_posix()
        for kind, name in (("path", below), ("name", path.name), ("stem", path.stem)):
            named[kind, name].append(path)
            named[f"{kind} as read", _as_read(name)].append(path)
        if path.stem.isdecimal():
            named["number", str(int(path.stem))].append(path)
            named["number", f"{int(path.stem)}{path.suffix.lower()}"].append(path)
    for path in others:
        for name in {path.relative_to(folder).as_posix(), path.name}:
            named["other", _as_read(name)].append(path)
    return named


def _files_of(name: str, named: _Named) -> Sequence[Path]:
    """The files that fit a name in the first way in which any does."""
    return next((named[key] for key in _keys(name) if key in named), ())


def _keys(name: str) -> Iterator[tuple[str, str]]:
    """How a name is looked up, the exact ways first."""
    kinds, read = ("path", "name", "stem"), _as_read(name)
    yield from ((kind, name) for kind in kinds)
    yield from ((f"{kind} as read", read) for kind in kinds)
    yield "other", read
    stem, dot, suffix = name.partition(".")
    if stem.isdecimal():
        yield "number", f"{int(stem)}{dot}{suffix.lower()}"


def _as_read(name: str) -> str:
    """The same for names that people, or another system, take for the same.

    Those are two encodings of a letter with its accents, letters in upper and lower case, Windows'
    backslashes, and space around a name.
    """
    parts = (part.strip() for part in name.replace("\\", "/").split("/"))
    composed = unicodedata.normalize("NFC", "/".join(part for part in parts if part not in ("", ".")))
    return unicodedata.normalize("NFC", composed.casefold())
