import contextlib
import csv
import io
import itertools
import json
import os
import pty
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from rich.cells import cell_len
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from cli.printing import NOTICE
from cli.results import Format, inert, print_results, write_rows
from core.home import Home
from db.arrivals import NewArrival, record_arrivals
from db.lifecycle import ModelStamp, Outcome
from db.results import RESULT_COLUMNS
from tests.finished import finish_files

RECEIVED = datetime(2026, 11, 28, 10, 11, 12, tzinfo=UTC)
ROW = [7, 8, 0, "a" * 64, 'a "b",\nc\x1b.png', RECEIVED, *[None] * (len(RESULT_COLUMNS) - 6)]


def written(capsys: pytest.CaptureFixture[str], output: Format, count: int) -> str:
    write_rows(iter([ROW] * count), output, RESULT_COLUMNS)  # type: ignore[list-item]
    return capsys.readouterr().out


@pytest.mark.parametrize("count", [0, 1, 2])
def test_json_is_one_list_of_all_rows(capsys: pytest.CaptureFixture[str], count: int) -> None:
    text = written(capsys, Format.JSON, count)
    expected = dict(zip(RESULT_COLUMNS, [*ROW[:5], RECEIVED.isoformat(), *ROW[6:]], strict=True))
    assert text == json.dumps([expected] * count, indent=1) + "\n"


@pytest.mark.parametrize("count", [0, 1, 2])
def test_csv_has_a_heading_exact_names_and_the_notice(capsys: pytest.CaptureFixture[str], count: int) -> None:
    rows = list(csv.reader(io.StringIO(written(capsys, Format.CSV, count), newline="")))
    assert rows[0] == [*RESULT_COLUMNS, "notice"]
    assert len(rows) == 1 + count
    for row in rows[1:]:
        assert row[:6] == ["7", "8", "0", "a" * 64, ROW[4], RECEIVED.isoformat()]
        assert row[-1] == NOTICE


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=HYPERLINK(1)&cmd|' C calc'!A0.png", "'=HYPERLINK(1)&cmd|' C calc'!A0.png"),
        ("+1", "'+1"),
        ("-1.png", "'-1.png"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\r=1", "'\r'=1"),
        ("  =1", "'  =1"),
        ("\xa0\u3000\ufeff=1", "'\xa0\u3000\ufeff=1"),
        ("\uff1d1", "'\uff1d1"),
        ("\uff0b\uff20", "'\uff0b\uff20"),
        ("x;=1;-2", "x;'=1;'-2"),
        ("x\t=1\n@y", "x\t'=1\n'@y"),
    ],
)
def test_a_cell_of_the_csv_holds_no_formula(capsys: pytest.CaptureFixture[str], text: str, cell: str) -> None:
    assert inert(text) == cell
    rows: list[Any] = [[7, None, None, "a" * 64, text, RECEIVED, *[None] * (len(RESULT_COLUMNS) - 6)]]
    write_rows(rows, Format.CSV, RESULT_COLUMNS)
    _, row = csv.reader(io.StringIO(capsys.readouterr().out, newline=""))
    assert row[4] == cell
    write_rows(rows, Format.JSON, RESULT_COLUMNS)
    assert json.loads(capsys.readouterr().out)[0]["source_name"] == text


@pytest.mark.parametrize("text", ["a=b-c@d+e.png", "1; 2", "study 7/-1.png", "a,=1", "", "'quoted'"])
def test_a_name_that_is_no_formula_is_exact_in_the_csv(text: str) -> None:
    assert inert(text) == text


NAME = "series/\x1b[31mDoe^Jane\x07 頭部の画像\u202e.png"


def row(number: int, **changes: Any) -> Any:  # noqa: ANN401 - a row of the view
    values = {
        "file_id": number,
        "frame": 0,
        "source_name": f"series of a name that is long/{number}.png",
        "received_at": datetime(2026, 11, 28, 10, 11, 12, tzinfo=UTC),
        "state": "classified",
        "label": "hemorrhage",
        "label_reason": None,
        "probability": 0.9876,
        "reason": None,
        "warnings": None,
        "model_version": "default-2",
        "reader_label": None,
    }
    return SimpleNamespace(**values | changes)


def printed(capsys: pytest.CaptureFixture[str], rows: list[Any], note: str = "") -> list[str]:
    print_results(iter(rows), max(one.file_id for one in rows), note)
    return capsys.readouterr().out.splitlines()


@pytest.fixture(params=[40, 60, 80, 200])
def columns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """The width of a terminal without colours."""
    monkeypatch.setattr("cli.results.width", lambda: request.param)
    return int(request.param)


def test_the_table_fits_the_terminal_and_id_label_and_probability_are_whole(
    columns: int, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = "The image is 2,000 x 3,000 pixels of colour, which no CT slice is; convert it to grey."
    rows = [
        row(1234567),
        row(12, label="uncertain", label_reason="outside the model's domain", probability=0.5),
        row(7, label=None, probability=None, state="quarantined", reason=reason, model_version=None),
        row(8, source_name=NAME),
        row(9, source_name=None, label=None, probability=None, state="received", model_version=None),
    ]
    lines = printed(capsys, rows)
    assert all(cell_len(line) <= columns for line in lines[:-1])
    text = "\n".join(lines)
    assert re.search(r"^1234567 .*hemorrhage +0\.988", text, re.MULTILINE)
    assert re.search(r"^12 .*uncertain +0\.500", text, re.MULTILINE)
    assert re.search(r"^7 .*quarantined", text, re.MULTILINE)
    assert re.search(r"^9 .*received", text, re.MULTILINE)
    assert "default-2" in text
    assert lines[-1] == NOTICE


def test_nothing_of_the_remarks_is_lost(columns: int, capsys: pytest.CaptureFixture[str]) -> None:
    text = "TheFileIsTruncatedAfterSoManyBytesThatItIsNoImage."
    alone = {"source_name": "", "label": "", "state": "", "probability": None, "model_version": None}
    lines = printed(capsys, [row(1, **alone, reason=text, received_at=None)])
    assert text in "".join("".join(lines[1:-1]).split())[1:]


@pytest.mark.parametrize("length", [14, 54, 55])
def test_a_name_is_whole_as_far_as_it_fits_and_never_wrapped(
    length: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cli.results.width", lambda: 80)
    name = "a" * (length - 4) + ".png"
    (_, line, below, *rest) = printed(capsys, [row(1, source_name=name, warnings="Compressed with loss.")])
    assert (name in line) == (length < 55)
    assert (re.search(r" a+…a+\.png  hem", line) is not None) == (length == 55)
    assert below == "      Compressed with loss."
    assert rest == ["Model: default-2.", NOTICE]


def test_remarks_are_sentences_below_their_row(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cli.results.width", lambda: 80)
    why = {"label_reason": "outside the model's domain", "warnings": "The gantry was tilted by 18.5 degrees."}
    lines = printed(capsys, [row(1, **why), row(2)])
    assert lines[2] == "      Outside the model's domain. The gantry was tilted by 18.5 degrees."
    assert lines[3].startswith("2 ")


def test_versions_and_readers_have_columns_only_where_they_differ_or_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    several = printed(capsys, [row(1, model_version="site-1", reader_label="normal"), row(2)])
    assert several[0].endswith("prob.  reader      model")
    assert several[1].endswith("0.988  normal      site-1")
    assert several[2].endswith("0.988              default-2")
    assert several[3:] == [NOTICE]


def test_on_a_narrow_terminal_and_far_down_the_row_itself_says_its_version_and_reader(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    late = {"model_version": "site-1", "reader_label": "normal"}
    lines = printed(capsys, [*(row(number) for number in range(500)), row(500, **late)])
    assert [line.strip() for line in lines[-3:]] == [
        "A reader says normal. Model: site-1.",
        "Model: default-2.",
        NOTICE,
    ]
    monkeypatch.setattr("cli.results.width", lambda: 40)
    lines = printed(capsys, [row(1, **late), row(2)])
    assert "A reader says normal. Model: site-1." in " ".join(" ".join(lines).split())


def test_the_characters_of_a_name_never_control_the_terminal(
    columns: int, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "".join(printed(capsys, [row(1, source_name=NAME, reason=NAME)]))
    assert not any(character in text for character in "\x1b\x07\u202e")


def test_what_is_no_terminal_gets_long_lines_without_colour(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, [row(1, source_name="a" * 90, reason="b" * 30)], "1 of 2 shown.")
    assert re.match(r"1 +a{90}  2026-11-28 .*  B?b+\.$", lines[1])
    assert lines[-3:] == ["Model: default-2.", "1 of 2 shown.", NOTICE]
    assert "\x1b" not in "".join(lines)


def test_an_empty_table_has_its_heading(capsys: pytest.CaptureFixture[str]) -> None:
    print_results(iter([]), 0)
    assert capsys.readouterr().out.splitlines() == [
        "id    file  received             state        label       prob.",
        NOTICE,
    ]


@pytest.mark.parametrize("output", Format)
def test_any_number_of_rows_needs_the_memory_of_a_few(
    output: Format,
    tmp_path: Any,  # noqa: ANN401
) -> None:
    def rows(count: int) -> Iterator[Any]:
        values = len(RESULT_COLUMNS)
        return (row(number) if output is Format.TABLE else [number] * values for number in range(count))

    def peak(count: int) -> int:
        with (tmp_path / "out").open("w") as file, contextlib.redirect_stdout(file):
            tracemalloc.start()
            if output is Format.TABLE:
                print_results(rows(count), count)
            else:
                write_rows(rows(count), output, RESULT_COLUMNS)
            (_, most) = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        return most

    peak(2000)
    assert peak(8000) < peak(2000) + 200_000


def on_a_terminal(home: Home, *arguments: str) -> str:
    """What `headct ARGUMENTS` writes to a terminal of 120 columns."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-I", "-m", "cli", *arguments],
        env={**os.environ, "HEADCT_HOME": str(home.root), "TERM": "xterm", "COLUMNS": "120"},
        stdout=its,
    )
    os.close(its)
    text = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    assert process.wait(60) == 0
    return text.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says so that the other side is closed
        return b""


def test_a_terminal_gets_colours_and_no_character_of_a_file_name_that_controls_it(
    home: Home, sqlite_engine: Engine
) -> None:
    with Session(sqlite_engine) as session, session.begin():
        (file_id,) = record_arrivals(session, [NewArrival("a" * 64, 10, NAME, None)]).values()
        finish_files(session, [Outcome(file_id, 0.9, "hemorrhage")], ModelStamp("v1", "f" * 64, "p1", 0.5))
    for arguments in (("results",), ("show", str(file_id)), ("results", "--format", "csv")):
        text = on_a_terminal(home, *arguments)
        codes = set(itertools.chain(*re.findall(r"\x1b\[([\d;]*)m", text)))
        assert ("1" in codes) == ("csv" not in arguments)
        assert "Doe^Jane" in text.replace("\r\n", "")
        bare = re.sub(r"\x1b\[[\d;]*m", "", text)
        assert not any(character in bare for character in "\x1b\x07\u202e")
        assert text.count("\x1b[31mDoe") == 0


def test_a_warning_stands_beside_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    (_, line, _) = printed(capsys, [row(3, warnings="Compressed with loss.")])[:3]
    assert "Compressed" in line or "loss" in line
