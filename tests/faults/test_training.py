"""Trainers are stopped and killed, and messages come twice: a run ends once, with one whole version."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from core.home import Home
from core.queues import TRAINING_QUEUE
from core.settings import Settings
from db.engine import reading
from db.states import UNFINISHED_RUNS
from db.tables import TrainingRun
from db.training_runs import epochs_of, find_run
from models.store import ModelStore, verify
from tests.faults.system import System, running_system
from tests.faults.trials import Trials
from tests.processes import run_headct, wait_until
from worker.app import TRAIN_TASK, create_app

pytestmark = pytest.mark.usefixtures("full_form")

# The lease of a run, and the run itself, which begins anew: loading, one epoch, evaluation, report.
_BACK_S = 60 + 120
_LONGEST_WAIT_S = 20


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory, synthetic_scans: Path) -> Iterator[System]:
    """A system with training data."""
    home = Home(tmp_path_factory.mktemp("training") / "home")
    home.make()
    with running_system(home) as running:
        imported = run_headct(home, "dataset", "import", str(synthetic_scans))
        assert imported.returncode == 0, imported.stderr
        yield running


def request(system: System) -> int:
    """Ask for a run; returns its id."""
    queued = run_headct(system.home, "train", "--epochs", "1", "--seed", "3", "--promote", "never")
    return int(re.findall(r"Training run (\d+)", queued.stdout)[0])


def look(system: System, run_id: int) -> TrainingRun:
    with Session(system.engine) as session:
        return find_run(session, run_id)


def wait_until_it_trains(system: System, run_id: int) -> None:
    wait_until(lambda: look(system, run_id).state == "running", what="the run is claimed")


def check_run(system: System, run_id: int, attempts: int) -> None:
    """It ends, with one version; every version there is whole, and none was ever refused by a worker."""
    wait_until(lambda: look(system, run_id).state not in UNFINISHED_RUNS, 400, what="the run ends")
    run = look(system, run_id)
    assert run.state == "succeeded", run.reason
    assert run.attempts <= attempts
    with reading(system.engine) as session:
        assert len(epochs_of(session, run_id)) <= 1
    store = ModelStore(system.home.models)
    versions = [card.version for card in store.versions()]
    assert versions.count(str(run.model_version)) == 1
    assert sum(re.fullmatch(rf"\d+-\d+-{run_id}", version) is not None for version in versions) == 1
    for version in versions:
        verify(store.find(version))
    assert "is refused" not in (system.home.logs / "worker.log").read_text()


@pytest.mark.parametrize("whom", ["trainer", "training worker"])
def test_a_trainer_is_killed(training: System, trials: Trials, whom: str) -> None:
    for trial in trials.of(f"SIGKILL of the {whom} during training", training, within_s=_BACK_S):
        run_id = request(training)
        wait_until_it_trains(training, run_id)
        trial.pause(_LONGEST_WAIT_S)
        trial.drop(4)
        trial.over()
        for process in training.children("training") if whom == "trainer" else [training.part("training")]:
            process.kill()
        check_run(training, run_id, attempts=2)


def test_the_system_is_stopped_while_it_trains(training: System, trials: Trials) -> None:
    for trial in trials.of("SIGTERM to `up` during training", training, within_s=_BACK_S):
        run_id = request(training)
        wait_until_it_trains(training, run_id)
        trial.pause(_LONGEST_WAIT_S)
        training.stop()
        trial.drop(4)
        trial.over()
        training.start()
        check_run(training, run_id, attempts=2)


def test_the_message_of_a_run_comes_again_and_again(training: System, trials: Trials) -> None:
    app = create_app(Settings(_env_file=None, home=training.home.root), training.home)
    for trial in trials.of("the same training message three times", training, within_s=_BACK_S):
        run_id = request(training)
        trial.over()
        for _ in range(2):
            trial.pause(_LONGEST_WAIT_S)
            app.send_task(TRAIN_TASK, args=[run_id], queue=TRAINING_QUEUE)
        check_run(training, run_id, attempts=1)
