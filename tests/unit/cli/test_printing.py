import csv
import io
import json
from datetime import UTC, datetime

import pytest

from cli.printing import NOTICE, Format, inert, print_file, write_rows
from db.results import RESULT_COLUMNS
from db.tables import File

RECEIVED = datetime(2026, 11, 28, 10, 11, 12, tzinfo=UTC)
ROW = [7, 8, 0, "a" * 64, 'a "b",\nc\x1b.png', RECEIVED, *[None] * (len(RESULT_COLUMNS) - 6)]


def written(capsys: pytest.CaptureFixture[str], output: Format, count: int) -> str:
    write_rows(iter([ROW] * count), output)  # type: ignore[list-item]
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
    write_rows([[7, None, None, "a" * 64, text, RECEIVED, *[None] * (len(RESULT_COLUMNS) - 6)]], Format.CSV)  # type: ignore[list-item]
    _, row = csv.reader(io.StringIO(capsys.readouterr().out, newline=""))
    assert row[4] == cell
    write_rows([[7, None, None, "a" * 64, text, RECEIVED, *[None] * (len(RESULT_COLUMNS) - 6)]], Format.JSON)  # type: ignore[list-item]
    assert json.loads(capsys.readouterr().out)[0]["source_name"] == text


@pytest.mark.parametrize("text", ["a=b-c@d+e.png", "1; 2", "study 7/-1.png", "a,=1", "", "'quoted'"])
def test_a_name_that_is_no_formula_is_exact_in_the_csv(text: str) -> None:
    assert inert(text) == text


def test_a_file_is_shown_with_its_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    file = File(
        id=7,
        sha256="a" * 64,
        size_bytes=9,
        state="rejected",
        reason="No head.",
        attempts=1,
        received_at=RECEIVED,
        warnings="It was compressed with loss.",
    )
    print_file(file, [], [], [], None)
    assert "It was compressed with loss." in capsys.readouterr().out
