"""`headct train` and `headct runs` say what is and what to do."""

from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from cli.main import app
from core.errors import DatasetError, RunNotFound
from core.home import Home
from db.training_runs import claim_run, find_run, record_epoch
from worker.training_run import RUN_LEASE

EPOCH = {"number": 3, "of": 50, "loss": 0.1234, "validation_loss": 0.2, "validation_auc": 0.987}


@pytest.fixture(autouse=True)
def migrated(sqlite_engine: Engine, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADCT_HOME", str(home.root))


@pytest.fixture
def data(migrated: None, synthetic_images: Path) -> None:
    """Images to train on."""
    said("dataset", "import", str(synthetic_images))


def said(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code
    return result.output


def test_a_request_without_images_to_train_on_is_refused_at_once() -> None:
    with pytest.raises(DatasetError, match="Run `headct dataset import DIR`"):
        said("train")
    assert "No training run yet" in said("runs")


@pytest.mark.usefixtures("data")
def test_a_request_returns_at_once_with_its_id_and_what_was_asked(sqlite_engine: Engine) -> None:
    assert "Training run 1 is queued" in said("train", "--epochs", "7", "--seed", "5", "--promote", "never")
    with Session(sqlite_engine) as session:
        run = find_run(session, 1)
        assert (run.epochs, run.seed, run.promote, run.state) == (7, 5, False, "requested")
        assert run.requested_by


@pytest.mark.usefixtures("data")
def test_a_waiting_run_is_cancelled_and_then_there_is_nothing_to_cancel() -> None:
    said("train")
    assert "Training run 1 is cancelled." in said("runs", "cancel", "1")
    assert "has ended already (cancelled)" in said("runs", "cancel", "1", code=1)
    assert "cancelled" in said("runs")


@pytest.mark.usefixtures("data")
def test_a_running_one_shows_its_epochs_and_ends_with_its_epoch(sqlite_engine: Engine) -> None:
    said("train")
    with Session(sqlite_engine) as session, session.begin():
        claim_run(session, 1, "one", RUN_LEASE)
        record_epoch(session, 1, "one", EPOCH)
    shown = said("runs", "show", "1")
    for expected in ("running", "3 of 50", "0.1234", "0.987"):
        assert expected in shown
    assert "ends after its batch" in said("runs", "cancel", "1")
    assert "to be cancelled" in said("runs", "show", "1")


@pytest.mark.usefixtures("data")
def test_what_there_is_not_is_said() -> None:
    assert "No training run yet" in said("runs")
    said("train")
    for arguments in (("show", "999"), ("cancel", "999"), ("report", "999"), ("follow", "999")):
        with pytest.raises(RunNotFound, match="no training run 999"):
            said("runs", *arguments)
    with pytest.raises(RunNotFound, match="has no report"):
        said("runs", "report", "1")
