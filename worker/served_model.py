"""The model that a classify process serves: loaded when it starts, exchanged while it runs."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from core.errors import ModelError
from db.engine import read_session
from db.promotions import SHIPPED, version_in_use, versions_to_go_back_to
from models.store import ModelStore, StoredModel

if TYPE_CHECKING:
    from models.classifier import Classifier  # brings OpenCV, which only the children load

logger = logging.getLogger(__name__)

LOADED = "the network is in memory"
_Attempt = tuple[str | None, tuple[tuple[int, int], ...]]
"""A version and the trace of its files when it was tried."""
# Loading takes 0.1 s more, and a promotion promises 5 s in all, also of a busy machine.
_LOOK_S = 1.0


class ServedModel:
    """Holds the classifier of the version in use.

    Parameters
    ----------
    engine, store
        Where the version in use is recorded, and where the versions are.
    load
        Gives a classifier that is ready to work, or raises a `ModelError`.

    Raises
    ------
    ModelError
        Neither the version in use nor one that was in use before it can be loaded.
    """

    def __init__(
        self, engine: Engine, store: ModelStore, load: Callable[[StoredModel], "Classifier"]
    ) -> None:
        self._engine, self._store, self._load = engine, store, load
        # A broken version is tried again when its files change, not every second.
        self._refused: _Attempt | None = None
        self._version, self._classifier = self._first()
        logger.info("%s: %s", LOADED, self._classifier.card.version)

    def current(self) -> "Classifier":
        """The classifier for one chunk, which is of one version therefore."""
        return self._classifier

    def follow(self) -> None:
        """From now on exchange the classifier soon after another version comes into use."""
        threading.Thread(target=self._follow, name="model in use", daemon=True).start()

    def look(self) -> bool:
        """Load the version in use if it is another one, and exchange the classifier; returns whether it was.

        A version that cannot be loaded is logged once; the classifier stays.
        """
        with self._engine.execution_options(read_only=True).connect() as connection:
            wanted = version_in_use(connection)
        if wanted == self._version:
            self._refused = None
            return False
        attempt = wanted, self._store.trace(wanted)
        if attempt == self._refused:
            return False
        before = self._classifier.card.version
        try:
            classifier = self._load(self._store.find(wanted))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the one in memory is good
            self._refuse(attempt, error, before)
            return False
        self._refused, self._version, self._classifier = None, wanted, classifier
        version = classifier.card.version
        logger.info("%s instead of %s: %s", LOADED, before, version, extra={"model_version": version})
        return True

    def _first(self) -> "tuple[str | None, Classifier]":
        with read_session(self._engine) as session:
            wanted, *earlier = versions_to_go_back_to(session)
        attempt = wanted, self._store.trace(wanted)
        try:
            return wanted, self._load(self._store.find(wanted))
        except ModelError as error:
            for version in dict.fromkeys(earlier):
                with suppress(ModelError):
                    classifier = self._load(self._store.find(version))
                    self._refuse(attempt, error, classifier.card.version)
                    return version, classifier
            raise

    def _refuse(self, attempt: _Attempt, error: Exception, serving: str) -> None:
        self._refused = attempt
        logger.error("model %s is refused, %s classifies: %s", attempt[0] or SHIPPED, serving, error)

    def _follow(self) -> None:
        while True:
            time.sleep(_LOOK_S)
            with suppress(SQLAlchemyError, OSError):  # the database or the home is away; the tasks say so
                self.look()
