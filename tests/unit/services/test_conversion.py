"""What release 0.1 left in use goes on: its version gets a serving graph, and `doctor` says so until then."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from core.home import Home
from db.engine import make_engine
from db.migrate import migrate
from models.store import ModelStore, verify
from services import conversion, extras
from tests.release_0_1 import VERSION, copy_home


@pytest.fixture
def old_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, process_kept: None) -> Home:
    """A home of release 0.1 with a migrated database, named by the environment as for the command."""
    home = copy_home(tmp_path / "old")
    engine = make_engine(f"sqlite:///{home.root / 'headct.db'}")
    migrate(engine)
    engine.dispose()
    monkeypatch.setenv("HEADCT_HOME", str(home.root))
    return home


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output + (str(result.exception) if result.exception else "")


def test_doctor_names_the_command_that_makes_the_graph_which_migrate_runs_too(
    old_home: Home, tmp_path: Path
) -> None:
    _, said = run("doctor")
    assert f"BAD  model: Model {VERSION} has no serving graph" in said
    assert "headct models convert" in said
    assert run("migrate")[0] == 0
    _, said = run("doctor")
    assert "ok   model" in said
    verify(ModelStore(old_home.models).find(VERSION))
    assert run("models", "convert") == (0, "Every version has its serving graph.\n")
    code, said = run("explain", "1", "-o", str(tmp_path / "heat.png"))
    assert code == 0, said
    assert f"probability 0.998, model {VERSION}" in said  # as release 0.1 said: 0.9976


def test_without_tensorflow_it_says_what_to_install_and_changes_nothing(
    old_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversion, "can_train", lambda: False)
    code, said = run("models", "convert")
    assert code == 1
    assert VERSION in said
    assert "Install the extra `train`" in said
    assert ModelStore(old_home.models).find(VERSION).card.graph_sha256 == ""


def test_a_version_that_cannot_be_converted_is_said(old_home: Home) -> None:
    ModelStore(old_home.models).find(VERSION).weights_path.unlink()
    code, said = run("models", "convert")
    assert code == 1
    assert f"{VERSION}: Gone: the weights of model {VERSION}" in said


@pytest.mark.parametrize("command", [("evaluate",), ("evaluate", "--cv"), ("worker", "--queue", "training")])
def test_what_needs_the_extra_says_so_where_it_is_not_installed(
    old_home: Home,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(extras, "can_train", lambda: False)
    monkeypatch.setattr("worker.service.run_worker", lambda *_: pytest.fail("it starts"))
    code, said = run(*command)
    assert code == 1
    assert "needs the extra `train`" in said + caplog.text


def test_doctor_and_promote_tell_of_a_graph_that_does_not_run_here(
    old_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("migrate")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert "BAD  model: ONNX Runtime, which runs the network, cannot be imported" in run("doctor")[1]
    code, said = run("models", "promote", "default-6")
    assert code == 1
    assert "ONNX Runtime" in said
