import pytest
from rich.cells import cell_len

from cli.terminal import columns_of, fold, in_colour, printable, styled, width


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("images/013.png", "images/013.png"),
        ("Schädel 頭.png", "Schädel 頭.png"),
        ("\x1b[2J\x07a\r\n\tb", r"\x1b[2J\x07a\r\n\tb"),
        ("\x9b31m \x85", r"\x9b31m \x85"),
        ("gnp.\u202eevil\u2066", r"gnp.\u202eevil\u2066"),
        ("\u2028\ufeff\udcff", r"\u2028\ufeff\udcff"),
    ],
)
def test_what_could_control_the_terminal_is_shown_as_an_escape(name: str, shown: str) -> None:
    assert printable(name) == shown


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
