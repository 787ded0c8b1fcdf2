from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from core.errors import HeadctError


@pytest.mark.usefixtures("process_kept")
@pytest.mark.parametrize("arguments", ["results", "status", "submit .", "retry 1"])
def test_a_command_in_a_folder_that_is_no_home_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str
) -> None:
    monkeypatch.setenv("HEADCT_HOME", str(tmp_path / "nowhere"))
    refused = CliRunner().invoke(app, arguments)
    assert refused.exit_code == 1
    assert isinstance(refused.exception, HeadctError), "which `main` shows as a message"
    assert "There is no home of headct" in str(refused.exception)
    assert not (tmp_path / "nowhere").exists()
