from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from core.errors import HeadctError, HomeNotPrivate
from services.context import make_home


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


@pytest.mark.usefixtures("unprivileged")
def test_a_home_that_this_user_cannot_look_into_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    monkeypatch.setenv("HEADCT_HOME", str(closed))
    with pytest.raises(HomeNotPrivate, match="cannot be read by this user"):
        make_home()
    closed.chmod(0o700)
