"""What a person reads: messages and tables, as wide as the terminal, and never what would control it."""

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from itertools import chain, zip_longest
from operator import itemgetter
from typing import Any, Generic, TypeVar

import typer

from core.printable import printable, printable_lines

NOTICE = "Research use only: not a medical device."
GAP = 2
"""Spaces between two columns of a table."""
_PIPE_WIDTH = 200
"""Columns, at least, where the output is no terminal."""
_ELLIPSIS = "…"
_WITHOUT_COLOUR = {"dumb", "unknown"}
_Row = TypeVar("_Row")


def width() -> int:
    """Columns that a line of standard output may have."""
    columns = shutil.get_terminal_size().columns
    return columns if sys.stdout.isatty() else max(columns, _PIPE_WIDTH)


def in_colour() -> bool:
    """Whether standard output shows colours, and nobody asked for none (https://no-color.org)."""
    able = sys.stdout.isatty() and os.environ.get("TERM") not in _WITHOUT_COLOUR
    return able and not os.environ.get("NO_COLOR")


def styled(text: str, style: str) -> str:
    """The text for a terminal in colour; a style is `bold`, `dim`, a colour, or several of these."""
    words = set(style.split())
    colour = next(iter(words - {"bold", "dim"}), None)
    return typer.style(text, fg=colour, bold="bold" in words or None, dim="dim" in words or None)


def say(text: str, *, err: bool = False) -> None:
    """Print a message that may hold names from outside, in lines as long as they are."""
    typer.echo(printable_lines(text), err=err)


def tell(text: str, style: str = "") -> None:
    """Print sentences, in lines that fit a terminal."""
    for line in folded(text, width()):
        sys.stdout.write(f"{styled(line, style) if style and in_colour() else line}\n")


def folded(text: str, columns: int) -> list[str]:
    """The text in lines of at most so many columns; elsewhere than on a terminal as it is."""
    lines = printable_lines(text).split("\n")
    return [part for line in lines for part in fold(line, columns)] if sys.stdout.isatty() else lines


def local(moment: datetime | None) -> str:
    """Local time to the second, or nothing."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def figure(value: float | None) -> str:
    """Three places of a figure, or nothing."""
    return "" if value is None else f"{value:.3f}"


def interval(metrics: Mapping[str, Any], name: str) -> str:
    """The 95 % interval of a figure, or nothing."""
    ends = metrics.get(f"{name}_ci95")
    return "" if ends is None else f"{figure(ends[0])} to {figure(ends[1])}"


def counted(number: int, one: str) -> str:
    """So many of something, as `1 file` or `2 files`."""
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


def sentences(texts: Iterable[str | None]) -> str:
    """One after the other those that there are, each with a capital and a full stop."""
    return " ".join(text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".") for text in texts if text)


def columns_of(text: str) -> int:
    """How many columns of the terminal the text takes."""
    if text.replace(_ELLIPSIS, "").isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def fold(text: str, columns: int) -> list[str]:
    """The text in lines of at most so many columns, broken at spaces where there are any."""
    return [text] if columns_of(text) <= columns else _broken(text, columns)


@lru_cache(maxsize=1024)  # reasons and versions come again and again
def _broken(text: str, columns: int) -> list[str]:
    lines = []
    while columns_of(text) > columns:
        line = _beginning(text, columns)
        if " " in line.strip() and text[len(line)] != " ":
            line = line[: line.rindex(" ")]
        lines.append(line.rstrip())
        text = text[len(line) :].lstrip()
    return [*lines, text]


def _beginning(text: str, columns: int) -> str:
    if text.isascii():
        return text[:columns]
    from rich.cells import chop_cells

    return chop_cells(text, columns)[0]


def without_middle(text: str, columns: int) -> str:
    """The text in so many columns, at least 4: what tells names apart is mostly at their ends."""
    if columns_of(text) <= columns:
        return text
    end = _beginning(text[::-1], columns // 2)[::-1]
    return f"{_beginning(text, columns - columns // 2 - 1)}{_ELLIPSIS}{end}"


@dataclass(frozen=True)
class Column(Generic[_Row]):
    """What of a row stands in a column, how wide that is on the terminal, and the styles of certain texts.

    A text that is wider is folded, or, in a column that is `cut`, loses its middle.
    """

    name: str
    width: int
    shows: Callable[[_Row], str]
    styles: Mapping[str, str] = field(default_factory=dict)
    right: bool = False
    cut: bool = False

    def cell(self, row: _Row) -> list[str]:
        """The lines that the row has in this column."""
        text = printable(self.shows(row))
        return [without_middle(text, self.width)] if self.cut else fold(text, self.width)


def taken(columns: "Iterable[Column[_Row]]") -> int:
    """How many columns of the terminal these take."""
    return sum(column.width + GAP for column in columns) - GAP


def wide_as(name: str, texts: Iterable[str], most: int = 200) -> int:
    """The width of a column of that name for texts to be whole in it, if that is not too much."""
    return min(most, max(chain([columns_of(name)], (columns_of(printable(text)) for text in texts))))


def as_wide(name: str, rows: Iterable[_Row], shows: Callable[[_Row], str], most: int = 200) -> "Column[_Row]":
    """A column in which the texts of these rows are whole, if that is not too much."""
    return Column(name, wide_as(name, map(shows, rows), most), shows)


def moments(name: str, attribute: str) -> tuple[Column[Any], Column[Any]]:
    """Two columns for a row's moment: to the second, and to the minute without the year."""
    return (
        Column(name, 19, lambda row: local(getattr(row, attribute))),
        Column(name, 11, lambda row: local(getattr(row, attribute))[5:16]),
    )


def lines(
    columns: "list[Column[_Row]]",
    rows: Iterable[_Row],
    *,
    colour: bool,
    below: "Column[_Row] | None" = None,
) -> Iterator[str]:
    """The lines of the table, a heading first if there is one; rows are taken one by one.

    What is `below` a row begins under its second column.
    """
    if any(column.name for column in columns):
        heading = [fold(printable(column.name), column.width) for column in columns]
        for line in _lines(columns, heading, colour=False):
            yield styled(line, "bold") if colour else line
    indent = " " * (columns[0].width + GAP)
    for row in rows:
        yield from _lines(columns, [column.cell(row) for column in columns], colour=colour)
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


def print_rows(
    choices: "Sequence[list[Column[_Row]]]", rows: Iterable[_Row], last: "Column[_Row] | None" = None
) -> None:
    """Print a table with the first of several choices of columns that fits the terminal, or the last.

    The column after these stands below each row where it has not its width beside the others.
    """
    columns = next((columns for columns in choices if taken(columns) <= width()), choices[-1])
    below = None
    if last:
        room = width() - taken(columns) - GAP
        if room >= last.width:
            columns = [*columns, replace(last, width=room)]
        else:
            below = replace(last, width=width() - columns[0].width - GAP)
    sys.stdout.writelines(f"{line}\n" for line in lines(columns, rows, colour=in_colour(), below=below))


def print_table(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    styles: Mapping[str, str] | None = None,
    *,
    right: bool = False,
) -> None:
    """Print a small table; where the terminal is narrower, its widest columns are folded.

    Parameters
    ----------
    right
        Whether all columns but the first stand to the right, as numbers do.
    """
    widths = [wide_as(title, (row[i] for row in rows), 10_000) for i, title in enumerate(titles)]
    while sum(widths) + GAP * (len(widths) - 1) > width() and max(widths) > 2:
        widths[widths.index(max(widths))] -= 1
    columns = [
        Column(title, widths[i], itemgetter(i), styles or {}, right and i > 0)
        for i, title in enumerate(titles)
    ]
    print_rows([columns], rows)


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print names, and beside each what it has."""
    print_table(["", ""], list(facts))
