"""What the terminal shows: how wide it is, whether in colour, and never what would control it."""

import os
import shutil
import sys
from functools import lru_cache

import typer

from core.printable import printable_lines

_PIPE_WIDTH = 200
"""Columns, at least, where the output is no terminal."""
_WITHOUT_COLOUR = {"dumb", "unknown"}


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
    """Print a message that may hold names from outside."""
    typer.echo(printable_lines(text), err=err)


def columns_of(text: str) -> int:
    """How many columns of the terminal the text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def fold(text: str, columns: int) -> list[str]:
    """The text in lines of at most so many columns, broken at spaces where there are any."""
    return [text] if columns_of(text) <= columns else _folded(text, columns)


@lru_cache(maxsize=1024)  # reasons and versions come again and again
def _folded(text: str, columns: int) -> list[str]:
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
