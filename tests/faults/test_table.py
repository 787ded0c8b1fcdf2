from pathlib import Path

from tests.faults.table import PAGE, write_table
from tests.faults.trials import Record, write_records


def test_what_was_measured_is_written_into_the_page_the_last_line_of_a_fault_counting(
    tmp_path: Path,
) -> None:
    copy = tmp_path / "reliability.md"
    copy.write_text(PAGE.read_text())
    results = tmp_path / "results.jsonl"
    for repetitions in (3, 20):
        record = Record("Redis: SIGKILL", 1, repetitions, 900, longest_recovery_s=12.6, ended=True)
        write_records([record, Record("clock", 1, 7, 80, lost=1)], results)
    for _ in range(2):
        write_table(results, copy)
    assert copy.read_text().count("| Redis: SIGKILL | 20 | 900 | 0 | 0 | 0 | 13 |") == 1
    assert "| clock (broken off) | 7 | 80 | 1 | 0 | 0 | 0 |" in copy.read_text()
    assert "| 3 | 900 |" not in copy.read_text()
