"""What one worker process holds: the engine and, where it classifies, the network. Made after the fork."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from core.home import Home
from core.settings import Settings
from db.engine import database_url, make_engine
from models.store import ModelStore

if TYPE_CHECKING:
    from models.classifier import Classifier

logger = logging.getLogger(__name__)

LOADED = "the network is in memory"


@dataclass
class WorkerProcess:
    """One process's own resources."""

    settings: Settings
    home: Home
    engine: Engine
    classifier: "Classifier | None" = None


_current: WorkerProcess | None = None


def start_process(settings: Settings, home: Home, *, classify: bool) -> None:
    """Make this process's resources; the network is loaded and warmed if the process classifies."""
    global _current  # noqa: PLW0603 - a Celery child can be handed nothing else
    engine = make_engine(database_url(settings, home), durable=not classify)
    process = WorkerProcess(settings, home, engine)
    if classify:
        # Only here: it brings TensorFlow, which Celery's main process must not hold when it forks.
        from models.classifier import Classifier  # noqa: PLC0415

        process.classifier = Classifier.load(ModelStore(home.models).find(settings.model_version))
        process.classifier.warm_up()
        logger.info("%s: %s", LOADED, process.classifier.card.version)
    _current = process


def current_process() -> WorkerProcess:
    """The resources of this process."""
    if _current is None:
        raise RuntimeError("start_process() was not called in this process")
    return _current
