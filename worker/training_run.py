"""One training run, from claim to the model version that it made."""

import contextlib
import errno
import logging
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.errors import HeadctError, ModelExists, ModelNotFound
from core.home import Home
from core.image_files import Limits
from core.logging import run_log
from core.settings import Settings
from db.engine import UNAVAILABLE, read_session
from db.promotions import lock_promotions, promote, version_in_use
from db.states import Cause, RunState
from db.tables import TrainingRun
from db.training_runs import (
    BY_LABELS,
    BY_SCHEDULE,
    RUN_LEASE,
    Held,
    claim_run,
    end_run,
    last_fingerprint,
    record_epoch,
    renew_run,
)
from models.card import ModelCard
from models.store import ModelStore, shipped_model
from training.dataset import load_dataset
from training.hyperparameters import Hyperparameters
from training.quiet import load_tensorflow

if TYPE_CHECKING:
    from training.fit import Epoch
    from training.train import Job, Watch

logger = logging.getLogger(__name__)

Train = Callable[["Job", ModelStore, "Watch"], ModelCard]
"""As `training.train.train`, whose import brings TensorFlow."""


class RunCancelled(Exception):
    """A person cancelled the run."""


class RunLost(Exception):
    """Another trainer holds the run by now."""


class Trainer:
    """Holds one run while it trains: renews its lease, writes its epochs, and notices when it has to stop.

    Parameters
    ----------
    sign
        Called every `renewal_s` as a sign of life.
    hangs_after_s
        A run that came no step further for so long hangs. Between two steps lie at most one pass over the
        images of a split, or the bootstrap of all figures: some 2,500 times a few milliseconds
        (`training.bootstrap`).
    """

    def __init__(
        self,
        engine: Engine,
        run_id: int,
        sign: Callable[[], None],
        *,
        renewal_s: float = 2.0,
        hangs_after_s: float = 30 * 60.0,
    ) -> None:
        self.engine, self.run_id, self.claimant = engine, run_id, uuid.uuid4().hex
        self._sign, self._renewal_s, self._hangs_after_s = sign, renewal_s, hangs_after_s
        self._held = Held.YES
        self._ended = threading.Event()
        self._moved = time.monotonic()

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Renew the lease from a thread of its own, as one step or the evaluation may take long.

        That tells that the process lives. One that comes no step further is ended outright.
        """
        thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def on_stage(self, name: str) -> None:
        """A stage begins.

        Raises
        ------
        RunCancelled, RunLost
        """
        logger.info("training run %d: %s", self.run_id, name)
        self.on_step()

    def on_step(self) -> None:
        """An image is prepared, or a batch fitted.

        Raises
        ------
        RunCancelled, RunLost
        """
        self._moved = time.monotonic()
        self._check()

    def on_epoch(self, epoch: "Epoch") -> None:
        """An epoch ended.

        Raises
        ------
        RunCancelled, RunLost
        """
        logger.info(
            "training run %d: epoch %d of %d, loss %.4f", self.run_id, epoch.number, epoch.of, epoch.loss
        )
        try:
            with Session(self.engine) as session, session.begin():
                record_epoch(session, self.run_id, self.claimant, asdict(epoch))
        except DBAPIError:
            logger.warning("training run %d: epoch not recorded, the database does not answer", self.run_id)
        self.on_step()

    def _check(self) -> None:
        if self._held is Held.CANCELLED:
            raise RunCancelled
        if self._held is Held.LOST:
            raise RunLost

    def _renew(self) -> None:
        while not self._ended.wait(self._renewal_s):
            if time.monotonic() - self._moved > self._hangs_after_s:
                logger.critical(
                    "training run %d came no step further for %.0f min: its process ends, and it begins anew",
                    *(self.run_id, self._hangs_after_s / 60),
                )
                os.kill(os.getpid(), signal.SIGKILL)
            self._sign()
            try:
                with Session(self.engine) as session, session.begin():
                    self._held = renew_run(session, self.run_id, self.claimant, RUN_LEASE)
            except DBAPIError:
                logger.warning("training run %d: no renewal, the database does not answer", self.run_id)


def run_training(trainer: Trainer, settings: Settings, home: Home, make: Train | None = None) -> None:
    """Train, evaluate and register a model, and write on the run's row how it ended.

    A run that is done or under way is passed over; a message about one that does not exist is logged. When
    the worker dies, the run's lease runs out, and the dispatcher publishes it again; it then begins anew, or
    takes over the version that it had registered.

    Parameters
    ----------
    make
        Makes the version; None for `training.train.train`.
    """
    engine, run_id, claimant = trainer.engine, trainer.run_id, trainer.claimant
    with Session(engine, expire_on_commit=False) as session, session.begin():
        run = claim_run(session, run_id, claimant, RUN_LEASE)
        known = run is not None or session.get(TrainingRun, run_id) is not None
    if not known:
        logger.error("a message names training run %d, which does not exist; it is passed over", run_id)
        return
    if run is None:
        logger.info("training run %d is done, cancelled or under way, or waits for another one", run_id)
        return
    with run_log(home.training_log(run_id), run_id), trainer.holding():
        try:
            ended = _do(trainer, settings, home, run, make)
        except RunLost:
            logger.warning("training run %d: another trainer holds it by now", run_id)
            return
        except UNAVAILABLE as error:
            logger.error("training run %d begins anew when its lease ends: %s", run_id, error)  # noqa: TRY400
            return
        except RunCancelled:
            ended = (RunState.CANCELLED, "Cancelled.")
        except Exception as error:  # noqa: BLE001 - whatever ends it is the run's reason
            ended = (RunState.FAILED, _explain(error, home))
        if ended is not None:
            state, reason = ended
            with Session(engine) as session, session.begin():
                end_run(session, run_id, claimant, state, reason=reason)
            logger.log(
                logging.ERROR if state is RunState.FAILED else logging.INFO,
                "training run %d %s; `headct runs show %d` says more",
                *(run_id, state.value, run_id),
            )


def _do(
    trainer: Trainer, settings: Settings, home: Home, run: TrainingRun, make: Train | None
) -> tuple[RunState, str] | None:
    """Train and commit the success; otherwise the state to end in, and why."""
    store = ModelStore(home.models)
    version = f"{run.requested_at:%Y%m%d-%H%M%S}-{run.id}"
    dataset = load_dataset(trainer.engine, home)
    with read_session(trainer.engine) as session:
        unchanged = last_fingerprint(session) == dataset.fingerprint
        incumbent = store.find(version_in_use(session))
    if unchanged and run.requested_by in (BY_SCHEDULE, BY_LABELS):
        return RunState.SKIPPED, "The training data have not changed since the last run that succeeded."
    try:
        card = store.find(version).card  # an earlier attempt came as far as to register it
    except ModelNotFound:
        load_tensorflow()  # which only the children do
        from training.train import Job, train  # noqa: PLC0415 - brings it

        hyperparameters = Hyperparameters(seed=run.seed)
        if run.epochs is not None:
            hyperparameters = replace(hyperparameters, epochs=run.epochs)
        job = Job(
            *(version, dataset, incumbent, hyperparameters, settings.target_sensitivity),
            *(home.report(run.id), Limits.of(settings)),
        )
        try:
            card = (make or train)(job, store, trainer)
        except ModelExists:  # by a trainer that had lost the run, and came to its end before it noticed
            card = store.find(version).card
    held = _succeed(trainer.engine, run, card)
    if held is Held.CANCELLED:
        store.discard(version)
        return RunState.CANCELLED, "Cancelled."
    if held is Held.LOST:
        raise RunLost
    logger.info("training run %d made model %s", run.id, card.version)
    return None


def _succeed(engine: Engine, run: TrainingRun, card: ModelCard) -> Held:
    """Write the success and put the version into use if the gate lets it, in one commit."""
    gate = card.gate
    with Session(engine) as session, session.begin():
        lock_promotions(session)
        in_use = version_in_use(session) or shipped_model().card.version
        changed = in_use != gate["incumbent"]
        goes_live = gate["promote"] and run.promote and not changed
        if goes_live:
            note = f"In use from now on. {gate['rule']}"
        elif changed:
            note = "Not in use: another version came into use meanwhile. Compare and promote it by hand."
        elif gate["promote"]:
            note = f"Not in use, as --promote never was asked for. {gate['rule']}"
        else:
            note = f"Not in use. {gate['rule']}"
        held = end_run(
            session,
            run.id,
            str(run.claimed_by),
            RunState.SUCCEEDED,
            reason=note,
            model_version=card.version,
            metrics=card.metrics,
            data_fingerprint=card.data_fingerprint,
        )
        if held is Held.YES and goes_live:
            promote(
                session,
                card.version,
                cause=Cause.GATE,
                decided_by=f"training run {run.id}",
                evidence=gate,
            )
    return held


def _explain(error: Exception, home: Home) -> str:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full. Make room below {home.root}, then `headct train` again."
    if isinstance(error, HeadctError):
        return str(error)
    logger.error("unforeseen: %s", type(error).__name__, exc_info=error)
    return f"{type(error).__name__}: {error}. See the run's log."
