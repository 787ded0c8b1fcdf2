import csv
import io
import json
from datetime import UTC, datetime

import pytest

from cli.printing import NOTICE, Format, print_scan, write_rows
from db.results import RESULT_COLUMNS
from db.tables import Scan

RECEIVED = datetime(2026, 11, 28, 10, 11, 12, tzinfo=UTC)
ROW = [7, "a" * 64, 'a "b",\nc\x1b.png', RECEIVED, *[None] * (len(RESULT_COLUMNS) - 4)]


def written(capsys: pytest.CaptureFixture[str], output: Format, count: int) -> str:
    write_rows(iter([ROW] * count), output)  # type: ignore[list-item]
    return capsys.readouterr().out


@pytest.mark.parametrize("count", [0, 1, 2])
def test_json_is_one_list_of_all_rows(capsys: pytest.CaptureFixture[str], count: int) -> None:
    text = written(capsys, Format.JSON, count)
    expected = dict(zip(RESULT_COLUMNS, [*ROW[:3], RECEIVED.isoformat(), *ROW[4:]], strict=True))
    assert text == json.dumps([expected] * count, indent=1) + "\n"


@pytest.mark.parametrize("count", [0, 1, 2])
def test_csv_has_a_heading_exact_names_and_the_notice(capsys: pytest.CaptureFixture[str], count: int) -> None:
    rows = list(csv.reader(io.StringIO(written(capsys, Format.CSV, count), newline="")))
    assert rows[0] == [*RESULT_COLUMNS, "notice"]
    assert len(rows) == 1 + count
    for row in rows[1:]:
        assert row[:4] == ["7", "a" * 64, ROW[2], RECEIVED.isoformat()]
        assert row[-1] == NOTICE


def test_a_scan_is_shown_with_its_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    scan = Scan(
        id=7,
        sha256="a" * 64,
        size_bytes=9,
        state="rejected",
        reason="No head.",
        attempts=1,
        received_at=RECEIVED,
        warnings="It was compressed with loss.",
    )
    print_scan(scan, [], [], [])
    assert "It was compressed with loss." in capsys.readouterr().out
