"""Writes what the fault suite measured into docs/reliability.md: python -m tests.faults.table FILE."""

import json
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
_BEGIN, _END = "<!-- results: make test-faults writes them -->\n", "<!-- end of results -->\n"
_HEAD = (
    "| fault | repetitions | files | lost | doubled | stuck | longest recovery (s) |\n"
    "| --- | --- | --- | --- | --- | --- | --- |\n"
)


def table(lines: str) -> str:
    """A Markdown table of JSON lines, one row a fault, which says if it failed; its last line counts."""
    records = {record["fault"]: record for record in map(json.loads, lines.splitlines())}
    return _HEAD + "".join(
        f"| {fault}{'' if row['ended'] else ' (broken off)'} | {row['repetitions']} | {row['files']} "
        f"| {row['lost']} | {row['doubled']} | {row['stuck']} | {row['longest_recovery_s']:.0f} |\n"
        for fault, row in sorted(records.items())
    )


def write_table(results: Path, page: Path = PAGE) -> None:
    """Exchange what stands between the two marks of the page."""
    before, rest = page.read_text(encoding="utf-8").split(_BEGIN)
    _, after = rest.split(_END)
    made = table(results.read_text(encoding="utf-8"))
    page.write_text(f"{before}{_BEGIN}\n{made}\n{_END}{after}", encoding="utf-8")


if __name__ == "__main__":
    write_table(Path(sys.argv[1]))
