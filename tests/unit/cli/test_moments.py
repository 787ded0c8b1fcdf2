from datetime import UTC, datetime, timedelta

import pytest

from cli.moments import local, parse_moment

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90m", NOW - timedelta(minutes=90)),
        ("12h", NOW - timedelta(hours=12)),
        ("7d", NOW - timedelta(days=7)),
        ("2026-11-25T08:00+00:00", datetime(2026, 11, 25, 8, tzinfo=UTC)),
        ("2026-11-25", datetime(2026, 11, 25).astimezone()),
    ],
)
def test_ages_dates_and_times_are_moments(text: str, moment: datetime) -> None:
    assert parse_moment(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "12", "12x", "2026-13-01", "9999999d", "9" * 30 + "m"])
def test_anything_else_is_told_with_what_can_be_written(text: str) -> None:
    with pytest.raises(ValueError, match=r"write (2026-11-25|90m)"):
        parse_moment(text, NOW)


def test_no_moment_is_shown_as_nothing() -> None:
    assert local(None) == ""
