"""Moments and ages as people write and read them."""

import re
from datetime import datetime, timedelta

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def parse_moment(text: str, now: datetime) -> datetime:
    """A moment from an ISO 8601 date or time (local unless it names a zone), or an age before `now`.

    Raises
    ------
    ValueError
        Says what can be written.
    """
    if age := re.fullmatch(r"(\d+)([mhd])", text.strip()):
        return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
    try:
        return datetime.fromisoformat(text.strip()).astimezone()
    except ValueError:
        raise ValueError(
            f"{text!r} is no moment: write 2026-11-25, 2026-11-25T08:00, or 90m, 12h, 7d"
        ) from None


def local(moment: datetime | None) -> str:
    """Local time to the second, or nothing."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""
