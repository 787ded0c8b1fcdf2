import pytest
from rich.cells import cell_len

from cli.terminal import columns_of, fold, in_colour, say, styled, width


@pytest.mark.parametrize("columns", [2, 3, 7, 20])
@pytest.mark.parametrize(
    "text", ["a" * 40, "series/abc def ghi", "頭部の画像 頭部の画像", "é" * 9, " spaced  out "]
)
def test_folded_text_fits_and_loses_nothing_but_spaces(text: str, columns: int) -> None:
    lines = fold(text, columns)
    assert all(cell_len(line) <= columns for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_text_is_folded_at_spaces_where_there_are_any() -> None:
    assert fold("The file is truncated", 11) == ["The file is", "truncated"]
    assert fold("The file is truncated", 10) == ["The file", "is", "truncated"]
    assert fold("short", 5) == ["short"]


def test_wide_characters_take_two_columns() -> None:
    assert (columns_of("abc"), columns_of("頭"), columns_of("é")) == (3, 2, 1)


def test_a_style_is_words() -> None:
    assert styled("x", "bold red") == "\x1b[31m\x1b[1mx\x1b[0m"
    assert styled("x", "dim") == "\x1b[2mx\x1b[0m"


@pytest.mark.parametrize(
    ("terminal", "environment", "colour"),
    [
        (True, {"TERM": "xterm"}, True),
        (True, {"TERM": "dumb"}, False),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (False, {"TERM": "xterm"}, False),
    ],
)
def test_colour_is_for_terminals_that_have_it(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, environment: dict[str, str], colour: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    assert in_colour() is colour


def test_what_is_no_terminal_is_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert width() == 200
    monkeypatch.setenv("COLUMNS", "300")
    assert width() == 300
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    assert width() == 60


def test_a_message_shows_what_a_name_would_do_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say("headct: \x1b]0;title\x07\u202e\nsecond line", err=True)
    assert capsys.readouterr().err == "headct: \\x1b]0;title\\x07\\u202e\nsecond line\n"
