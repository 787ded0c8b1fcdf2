"""What one worker process holds: the engine and, where it classifies, the network. Made after the fork."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from core.home import Home
from core.settings import Settings
from db.engine import database_url, make_engine
from models.store import ModelStore, StoredModel
from worker.served_model import ServedModel

if TYPE_CHECKING:
    from models.classifier import Classifier


@dataclass
class WorkerProcess:
    """One process's own resources."""

    settings: Settings
    home: Home
    engine: Engine
    model: ServedModel | None = None


_current: WorkerProcess | None = None


def start_process(settings: Settings, home: Home, *, classify: bool) -> None:
    """Make this process's resources; if it classifies the network is loaded, and exchanged from then on."""
    engine = make_engine(database_url(settings, home), durable=not classify)
    process = WorkerProcess(settings, home, engine)
    if classify:
        process.model = ServedModel(engine, ModelStore(home.models), _load)
        process.model.follow()
    hold(process)


def hold(process: WorkerProcess) -> None:
    """Let these be the resources of this process."""
    global _current  # noqa: PLW0603 - a Celery child can be handed nothing else
    _current = process


def current_process() -> WorkerProcess:
    """The resources of this process."""
    if _current is None:
        raise RuntimeError("start_process() was not called in this process")
    return _current


def _load(stored: StoredModel) -> "Classifier":
    from models.classifier import Classifier  # noqa: PLC0415 - Celery's main process does without the network

    classifier = Classifier.load(stored)
    classifier.warm_up()
    return classifier
