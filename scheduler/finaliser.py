"""The finaliser: gives each study that is complete its result."""

import logging
import threading
from datetime import timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.errors import ModelError
from core.settings import Settings
from db.engine import read_session
from db.studies import (
    any_open,
    complete_studies,
    hold_complete,
    mend_last_arrivals,
    record_finding,
    study_to_assess,
)
from models.store import ModelStore
from models.studies import assess
from models.study_rule import SHIPPED_RULE, StudyRule
from scheduler.metrics import STUDIES_FINALISED

logger = logging.getLogger(__name__)

_PERIOD_S = 1.0


class Finaliser:
    """Runs until `stop` is set. It alone writes results of studies, each in one transaction."""

    def __init__(self, settings: Settings, engine: Engine, models: ModelStore) -> None:
        self._engine = engine
        self._settle = timedelta(seconds=settings.study_settle_seconds)
        self._models = models
        self._failing = False
        self._unable: set[int] = set()

    def run(self, stop: threading.Event) -> None:
        """Finalise studies until `stop` is set."""
        while not stop.wait(_PERIOD_S):
            try:
                self.finalise()
            except DBAPIError as error:
                if not self._failing:
                    logger.error("no study is finalised until this ends: %s", error)  # noqa: TRY400 - no trace
                self._failing = True
            else:
                self._failing = False

    def finalise(self) -> int:
        """Give their results to those that are complete; returns how many these are."""
        with read_session(self._engine) as session:
            if not any_open(session):  # mostly
                return 0
        with Session(self._engine) as session, session.begin():
            mend_last_arrivals(session)
            complete = complete_studies(session, self._settle)
        problem: DBAPIError | None = None
        for study_id in complete:
            if study_id in self._unable:
                continue
            try:
                self._finalise(study_id)
            except DBAPIError as error:  # the others may go well
                problem = error
            except Exception as error:  # noqa: BLE001 - one study must not hold up all others
                self._unable.add(study_id)
                logger.error(  # noqa: TRY400 - a trace may name a patient
                    "study %d gets no result before a restart: %s", study_id, type(error).__name__
                )
        if problem is not None:
            raise problem
        return len(complete)

    def _finalise(self, study_id: int) -> None:
        with Session(self._engine) as session, session.begin():
            held = hold_complete(session, study_id, self._settle)
            if held is None:
                return
            study = study_to_assess(session, held)
            finding = assess(study, self._rule(study.version))
            is_new = record_finding(session, study_id, finding)
        STUDIES_FINALISED.labels(finding.label).inc()
        logger.info(
            "study %d is final%s", study_id, "" if is_new else ", as before", extra={"study_id": study_id}
        )

    def _rule(self, version: str | None) -> StudyRule:
        """Of the version whose slices count; the usual one where it has none or is gone."""
        try:
            return self._models.find(version).card.study_rule or SHIPPED_RULE
        except ModelError:
            return SHIPPED_RULE
