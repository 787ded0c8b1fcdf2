"""Trainers are stopped, killed and deaf, and messages come twice: a run ends once, with one whole version."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from core.home import Home
from core.queues import TRAINING_QUEUE
from core.settings import Settings
from db.engine import read_session
from db.states import UNFINISHED_RUNS
from db.tables import TrainingRun
from db.training_runs import epochs_of, find_run
from models.store import ModelStore, shipped_model, verify
from tests.faults.system import System, running_system, still_running
from tests.faults.trials import Trials
from tests.processes import run_headct, wait_until
from worker.app import TRAIN_TASK, create_app

pytestmark = pytest.mark.usefixtures("full_form")

HEARTBEAT_S = 2
# The lease of a run, and the run itself, which begins anew: loading, one epoch, evaluation, report.
_BACK_S = 60 + 120
# A run takes somewhat longer, on a machine that does nothing else.
_LONGEST_WAIT_S = 20
# Of a deaf worker: two leases of the message until a second one waits, eight heartbeats (four times as many
# before its first message), its start, and then as above.
_HEARD_S = 2 * 45 + 8 * HEARTBEAT_S + 30 + _BACK_S


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory, synthetic_images: Path) -> Iterator[System]:
    """A system with training data."""
    home = Home(tmp_path_factory.mktemp("training") / "home")
    home.make()
    with running_system(home, HEADCT_HEARTBEAT_SECONDS=str(HEARTBEAT_S)) as running:
        imported = run_headct(home, "dataset", "import", str(synthetic_images))
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


def check_run(system: System, run_id: int, attempts: int) -> int:
    """It ends, with one version, and every version there is whole; returns how often it was begun."""
    wait_until(lambda: look(system, run_id).state not in UNFINISHED_RUNS, 400, what="the run ends")
    run = look(system, run_id)
    assert run.state == "succeeded", run.reason
    assert run.attempts <= attempts
    with read_session(system.engine) as session:
        assert len(epochs_of(session, run_id)) <= 1
    store = ModelStore(system.home.models)
    versions = [card.version for card in store.versions()]
    assert versions.count(str(run.model_version)) == 1
    assert sum(re.fullmatch(rf"\d+-\d+-{run_id}", version) is not None for version in versions) == 1
    for version in versions:
        verify(store.find(version))
    return run.attempts


def check_versions_load(system: System, trials: Trials) -> None:
    """Put each version that was not in use yet into use: the worker loads it, and classifies by it."""
    log = system.home.logs / "worker.log"
    made, children = ModelStore(system.home.models).versions()[1:], len(system.children("worker"))
    for card in [card for card in made if f": {card.version}" not in log.read_text()]:
        promoted = run_headct(system.home, "models", "promote", card.version)
        assert promoted.returncode == 0, promoted.stderr
        loaded = f": {card.version}"  # as each child says
        wait_until(lambda: log.read_text().count(loaded) >= children, what="every child serves it")  # noqa: B023 - called at once
        content, name = trials.files.new()
        system.drop(content, name, "classified")
        system.wait_for(name)
        assert system.rows()[name].model_version == card.version
    assert "is refused" not in log.read_text()
    assert run_headct(system.home, "models", "promote", shipped_model().card.version).returncode == 0


@pytest.mark.parametrize("whom", ["trainer", "training worker"])
def test_a_trainer_is_killed(training: System, trials: Trials, whom: str) -> None:
    begun = []
    for trial in trials.of(f"SIGKILL of the {whom} during training", training, within_s=_BACK_S):
        run_id = request(training)
        wait_until_it_trains(training, run_id)
        trial.pause(_LONGEST_WAIT_S)
        trial.drop(4)
        trial.over()
        for process in training.children("training") if whom == "trainer" else [training.part("training")]:
            process.kill()
        begun.append(check_run(training, run_id, attempts=2))
    assert begun.count(2) >= len(begun) / 2, "the kills came too late"
    check_versions_load(training, trials)


def test_a_trainer_is_killed_while_it_registers_its_version(training: System, trials: Trials) -> None:
    models, halves = training.home.models, 0
    for trial in trials.of("SIGKILL of the trainer while it registers", training, within_s=_BACK_S):
        known = set(models.iterdir())
        run_id = request(training)
        (trainer,) = training.children("training")
        wait_until(lambda: set(models.iterdir()) - known, every_s=0.001, what="it registers")  # noqa: B023 - called at once
        time.sleep(trial.random.uniform(0, 0.005))
        trainer.kill()
        trainer.wait(5)
        halves += any(path.name.startswith(".partial-") for path in set(models.iterdir()) - known)
        trial.drop(4)
        trial.over()
        check_run(training, run_id, attempts=2)
        assert not any(path.name.startswith(".partial-") for path in models.iterdir())
    print(f"{halves} of the kills left half a version")  # noqa: T201 - for the record
    assert halves or trials.plan.repetitions, "no kill left a half-written version"
    check_versions_load(training, trials)


@pytest.mark.parametrize("fault", ["consumer lost", "trainer stopped"])
def test_a_deaf_training_worker_ends_itself_and_the_next_one_trains(
    training: System, trials: Trials, fault: str
) -> None:
    app = create_app(Settings(home=training.home.root), training.home)
    for trial in trials.of(f"deaf training worker: {fault}", training, within_s=_HEARD_S, full=5):
        check_run(training, request(training), attempts=1)  # it worked before
        main, stopped = training.part("training"), training.children("training")
        if fault == "consumer lost":
            app.control.cancel_consumer(TRAINING_QUEUE)
        run_id = request(training)
        if fault == "trainer stopped":
            wait_until_it_trains(training, run_id)
            trial.pause(_LONGEST_WAIT_S / 2)
            stopped = training.children("training")
            for process in stopped:
                process.suspend()
        trial.drop(4)
        trial.over()
        assert still_running([main, *stopped], _HEARD_S - _BACK_S) == [], "the deaf worker ends"
        check_run(training, run_id, attempts=2)
    assert "this worker ends, since it takes no messages" in (training.home.logs / "training.log").read_text()


def test_the_system_is_stopped_while_it_trains(training: System, trials: Trials) -> None:
    begun = []
    for trial in trials.of("SIGTERM to `up` during training", training, within_s=_BACK_S):
        run_id = request(training)
        wait_until_it_trains(training, run_id)
        trial.pause(_LONGEST_WAIT_S / 2)
        training.stop()
        trial.drop(4)
        trial.over()
        training.start()
        begun.append(check_run(training, run_id, attempts=2))
    assert begun.count(2) >= len(begun) / 2, "the stops came too late"
    check_versions_load(training, trials)


def test_the_message_of_a_run_comes_again_and_again(training: System, trials: Trials) -> None:
    app = create_app(Settings(home=training.home.root), training.home)
    for trial in trials.of("the same training message three times", training, within_s=_BACK_S):
        run_id = request(training)
        trial.over()
        for _ in range(2):
            trial.pause(_LONGEST_WAIT_S)
            app.send_task(TRAIN_TASK, args=[run_id], queue=TRAINING_QUEUE)
        check_run(training, run_id, attempts=1)
