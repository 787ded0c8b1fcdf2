"""Moments and ages as people write and read them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

Since = Annotated[
    str | None,
    typer.Option(help="only files received since: 2026-11-25, 2026-11-25T08:00, or 90m, 12h, 7d"),
]
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


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


def local(moment: datetime | None) -> str:
    """Local time to the second, or nothing."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def local_short(moment: datetime | None) -> str:
    """Local time to the minute, without the year, or nothing."""
    return local(moment)[5:16]
