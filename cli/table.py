"""A table whose columns have their widths before the first row, so that any number of rows can follow."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, zip_longest
from typing import Generic, TypeVar

from cli.terminal import columns_of, fold, in_colour, styled, width
from core.printable import printable

_Row = TypeVar("_Row")
GAP = 2
"""Spaces between two columns."""


@dataclass(frozen=True)
class Column(Generic[_Row]):
    """What of a row stands in a column, how wide that is on the terminal, and the styles of certain texts."""

    name: str
    width: int
    shows: Callable[[_Row], str]
    styles: Mapping[str, str] = field(default_factory=dict)
    right: bool = False


def fitting(choices: "Sequence[list[Column[_Row]]]", room: int) -> "list[Column[_Row]]":
    """The first of several choices of columns that takes at most that room on the terminal, or the last."""
    return next((columns for columns in choices if taken(columns) <= room), choices[-1])


def taken(columns: "Iterable[Column[_Row]]") -> int:
    """How many columns of the terminal these take."""
    return sum(column.width + GAP for column in columns) - GAP


def wide_as(name: str, texts: Iterable[str], most: int = 200) -> int:
    """The width of a column of that name for texts to be whole in it, if that is not too much."""
    return min(most, max(chain([len(name)], (columns_of(printable(text)) for text in texts))))


def lines(
    columns: "list[Column[_Row]]",
    rows: Iterable[_Row],
    *,
    colour: bool,
    below: "Column[_Row] | None" = None,
) -> Iterator[str]:
    """The lines of the table, a heading first. What is `below` a row begins under its second column."""
    heading = [fold(column.name, column.width) for column in columns]
    for line in _lines(columns, heading, colour=False):
        yield styled(line, "bold") if colour else line
    indent = " " * (columns[0].width + GAP)
    for row in rows:
        yield from _lines(
            columns, [fold(printable(column.shows(row)), column.width) for column in columns], colour=colour
        )
        if below and (text := printable(below.shows(row))):
            yield from (indent + line for line in fold(text, below.width))


def _lines(columns: "list[Column[_Row]]", cells: list[list[str]], *, colour: bool) -> Iterator[str]:
    for texts in zip_longest(*cells, fillvalue=""):
        filled = map(_fill, columns, texts, [colour] * len(columns))
        yield (" " * GAP).join(filled).rstrip()


def _fill(column: "Column[_Row]", text: str, colour: bool) -> str:
    space = " " * (column.width - columns_of(text))
    if colour and text in column.styles:
        text = styled(text, column.styles[text])
    return space + text if column.right else text + space


def print_rows(columns: "list[Column[_Row]]", rows: Iterable[_Row], last: "Column[_Row]") -> None:
    """Print a table; its last column stands below each row where it has not its width beside the others."""
    room = width() - taken(columns) - GAP
    if room >= last.width:
        table = lines([*columns, replace(last, width=room)], rows, colour=in_colour())
    else:
        below = replace(last, width=width() - columns[0].width - GAP)
        table = lines(columns, rows, colour=in_colour(), below=below)
    sys.stdout.writelines(f"{line}\n" for line in table)
