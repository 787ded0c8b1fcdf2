import pytest
from rich.cells import cell_len

from cli.printing import (
    Column,
    columns_of,
    counted,
    fold,
    in_colour,
    lines,
    local,
    say,
    sentences,
    styled,
    width,
    without_middle,
)


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


@pytest.mark.parametrize("columns", [4, 5, 20])
@pytest.mark.parametrize(
    "text", ["series/abc-def-ghi-jkl-mno.png", "頭部の画像頭部の画像頭部の画像", "é" * 30]
)
def test_a_name_without_its_middle_fits_and_keeps_its_ends(text: str, columns: int) -> None:
    start, end = without_middle(text, columns).split("…")
    assert columns - 3 < cell_len(f"{start}…{end}") <= columns
    assert text.startswith(start)
    assert text.endswith(end)
    assert without_middle(text, 40) == text


def test_numbers_have_their_plurals() -> None:
    assert [counted(number, "file") for number in (0, 1, 2)] == ["0 files", "1 file", "2 files"]


def test_what_there_is_to_say_becomes_sentences() -> None:
    assert sentences([None, "outside the domain", "", "It was tilted.", "Why?"]) == (
        "Outside the domain. It was tilted. Why?"
    )


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


def test_no_moment_is_shown_as_nothing() -> None:
    assert local(None) == ""


ID = Column[tuple[int, str]]("id", 3, lambda row: str(row[0]))
NAME = Column[tuple[int, str]]("name", 4, lambda row: row[1], {"ab": "red"})


def test_a_cell_that_does_not_fit_goes_on_below() -> None:
    assert list(lines([ID, NAME], [(1, "abcdefg"), (2, "x")], colour=False)) == [
        "id   name",
        "1    abcd",
        "     efg",
        "2    x",
    ]


def test_a_cell_that_is_cut_stays_on_its_line() -> None:
    cut = Column[tuple[int, str]]("name", 4, lambda row: row[1], cut=True)
    assert list(lines([ID, cut], [(1, "abcdefg")], colour=False))[1:] == ["1    a…fg"]


def test_numbers_may_stand_to_the_right() -> None:
    right = Column[tuple[int, str]]("n", 3, lambda row: str(row[0]), right=True)
    assert list(lines([NAME, right], [(1, "a"), (22, "b")], colour=False))[1:] == ["a       1", "b      22"]


def test_colours_change_no_width() -> None:
    (_, plain), (_, coloured) = (
        list(lines([NAME, ID], [(1, "ab")], colour=colour)) for colour in (False, True)
    )
    assert coloured == plain.replace("ab", "\x1b[31mab\x1b[0m")


def test_a_column_below_stands_under_the_second_one() -> None:
    below = Column[tuple[int, str]]("", 4, lambda row: "why so" if row[0] == 1 else "")
    assert list(lines([ID, NAME], [(1, "a"), (2, "b")], colour=False, below=below))[1:] == [
        "1    a",
        "     why",
        "     so",
        "2    b",
    ]


def test_rows_are_taken_one_by_one() -> None:
    taken = []

    def rows() -> "list[tuple[int, str]]":
        for number in range(3):
            taken.append(number)
            yield number, ""  # type: ignore[misc]

    table = lines([ID, NAME], rows(), colour=False)
    next(table)
    next(table)
    assert taken == [0]
