"""What is written on the command line, and what is refused there."""

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from core.printable import printable

BIGINT_MAX = 2**63 - 1
"""The largest id that the database holds, and row count: a larger one is refused by its own option."""
INTEGER_MAX = 2**31 - 1
"""Of any other whole number; PostgreSQL's INTEGER has 4 bytes."""
MAX_NAME = 128
Since = Annotated[
    str | None,
    typer.Option(help="only files received since: 2026-11-25, 2026-11-25T08:00, or 90m, 12h, 7d"),
]
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_PICTURES = {"": "PNG", ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}


def parse_moment(text: str, now: datetime) -> datetime:
    """A moment from an ISO 8601 date or time (local unless it names a zone), or an age before `now`.

    Raises
    ------
    ValueError
        Says what can be written.
    """
    if age := re.fullmatch(r"(\d+)([mhd])", text.strip()):
        try:
            return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
        except OverflowError:
            raise ValueError(f"{text!r} is before the year 1: write 90m, 12h, 7d") from None
    try:
        return datetime.fromisoformat(text.strip()).astimezone()
    except ValueError:
        raise ValueError(
            f"{text!r} is no moment: write 2026-11-25, 2026-11-25T08:00, or 90m, 12h, 7d"
        ) from None


def parse_since(text: str | None) -> datetime | None:
    """The moment that the option `--since` names, if it is given."""
    if text is None:
        return None
    try:
        return parse_moment(text, datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--since") from error


def picture_format(output: Path) -> str:
    """The name that Pillow has for the format that the suffix says, in any case; PNG without one.

    Raises
    ------
    typer.BadParameter
        Nothing is written in that format, or no file can be there.
    """
    check_output(output)
    try:
        return _PICTURES[output.suffix.lower()]
    except KeyError:
        raise typer.BadParameter(
            "a picture is written as .png, .jpg or .tif: give it such a name", param_hint="--output"
        ) from None


def check_output(output: Path) -> None:
    """Refuse the file that the option `--output` names before there is work to be lost.

    Raises
    ------
    typer.BadParameter
        There can be no such file, or this user may not write it.
    """
    from services.image_files import is_folder

    if not is_folder(output.parent) or is_folder(output):
        raise typer.BadParameter(
            f"there is no folder for it, or a folder in its place: {printable(str(output))}",
            param_hint="--output",
        )
    if not os.access(output if output.exists() else output.parent, os.W_OK):
        raise typer.BadParameter(
            f"this user may not write it: {printable(str(output))}", param_hint="--output"
        )


def write_output(output: Path, data: bytes) -> None:
    """Write the file that the option `--output` names.

    Raises
    ------
    typer.BadParameter
        It cannot be written.
    """
    try:
        output.write_bytes(data)
    except OSError as error:
        raise typer.BadParameter(f"cannot be written: {error.strerror}", param_hint="--output") from error


def user_name() -> str:
    """Name of this user, of at most 128 characters; `user N` for a container's user without one."""
    import getpass

    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # which of the two depends on Python
        return f"user {os.getuid()}"
    return os.fsencode(name).decode(errors="replace")[:MAX_NAME]
