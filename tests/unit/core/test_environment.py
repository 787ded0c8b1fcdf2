from pathlib import Path

import pytest

from core.environment import read_environment


def test_the_first_place_that_has_a_value_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    named = tmp_path / "named"
    named.write_text("from the named file\n")
    (tmp_path / ".env").write_text(f"HEADCT_HOME=from .env\nHEADCT_HOME_FILE={named}\n")
    monkeypatch.setenv("HEADCT_HOME", "from the variable")
    assert read_environment().find("HEADCT_HOME") == "from the variable"
    monkeypatch.setenv("HEADCT_HOME", "")
    assert read_environment().find("HEADCT_HOME") == "from the named file"
    (tmp_path / ".env").write_text("HEADCT_HOME=from .env\n")
    assert read_environment().find("HEADCT_HOME") == "from .env"
    (tmp_path / ".env").write_text("HEADCT_HOME=\n")
    assert read_environment().find("HEADCT_HOME") is None


def test_small_letters_in_a_name_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("headct_home", "here")
    assert read_environment().find("HEADCT_HOME") == "here"


def test_variables_of_other_programs_are_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OTHER_HOME", "there")
    (tmp_path / ".env").write_text("OTHER=1\nEXPORTED\n")
    read_environment().refuse_unknown([])
