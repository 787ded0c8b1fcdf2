from pathlib import Path

from core.reasons import ReasonCode

DATABASE_PAGE = Path("docs/database.md").read_text(encoding="utf-8")


def test_every_reason_code_is_documented_and_no_other_is() -> None:
    section = DATABASE_PAGE.partition("\n## Reason codes\n")[2].partition("\n## ")[0]
    codes = [row.split("|")[1] for row in section.splitlines() if row.startswith("| `")]
    listed = [code.strip(" `") for codes_of_row in codes for code in codes_of_row.split(",")]
    assert sorted(listed) == sorted(ReasonCode)


def test_every_reason_code_fits_its_column() -> None:
    assert max(map(len, ReasonCode)) <= 32
