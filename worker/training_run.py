"""One training run, from claim to registered model version."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from core.errors import HeadctError
from core.home import Home
from core.settings import Settings
from db.training_runs import claim_run, fail_run, keep_run, succeed_run
from models.store import ModelStore
from training.hyperparameters import Hyperparameters

if TYPE_CHECKING:
    from training.fit import Epoch

logger = logging.getLogger(__name__)


def run_training(engine: Engine, settings: Settings, home: Home, run_id: int) -> None:
    """Train, evaluate and register a model, and write on the run's row how it ended.

    A run that is done or under way is passed over. The row's lease is renewed after every epoch; when the
    worker dies, it runs out, and the dispatcher publishes the run again.
    """
    lease = timedelta(seconds=max(settings.lease_seconds, 600))
    with Session(engine) as session, session.begin():
        run = claim_run(session, run_id, lease)
        if run is None:
            logger.info("training run %d is done or under way", run_id)
            return
        hyperparameters = Hyperparameters(seed=run.seed)
        if run.epochs is not None:
            hyperparameters = replace(hyperparameters, epochs=run.epochs)

    def on_epoch(epoch: "Epoch") -> None:
        logger.info("training run %d: epoch %d of %d, loss %.4f", run_id, epoch.number, epoch.of, epoch.loss)
        try:
            with Session(engine) as session, session.begin():
                keep_run(session, run_id, lease)
        except OperationalError:
            logger.warning("training run %d: no heartbeat, the database does not answer", run_id)

    from training.train import train  # noqa: PLC0415 - brings TensorFlow, which only the children load

    try:
        card = train(settings.training_data, ModelStore(home.models), hyperparameters, on_epoch)
    except Exception as error:  # noqa: BLE001 - whatever ends it is the run's reason
        logger.error("training run %d failed; `headct runs` says why", run_id)  # noqa: TRY400 - may name a file
        reason = str(error) if isinstance(error, HeadctError) else f"{type(error).__name__}: {error}"
        with Session(engine) as session, session.begin():
            fail_run(session, run_id, reason)
        return
    with Session(engine) as session, session.begin():
        succeed_run(session, run_id, card.version, card.metrics)
    logger.info("training run %d made model %s", run_id, card.version)
