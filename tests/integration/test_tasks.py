"""What a task counts of deliveries and tries, with a real queue."""

import hashlib
import subprocess
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from celery.exceptions import Retry
from prometheus_client import REGISTRY
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.home import Home
from core.settings import Settings
from db.arrivals import NewArrival, record_arrivals
from db.engine import make_engine
from db.lifecycle import next_chunks
from db.results import results_of
from models.classifier import Classifier
from models.labels import NO_HEAD_FOUND
from models.store import shipped_model
from tests.dicom_files import as_bytes, ct_slice
from worker.app import create_app
from worker.process import WorkerProcess, hold
from worker.tasks import classify_files


class NoModel:
    """Stands for a model that is never asked, as no file is claimed."""

    def current(self) -> None:
        return None


def count(name: str) -> float:
    return REGISTRY.get_sample_value(name) or 0


class Shipped:
    """The model that ships with headct, as a worker holds it."""

    def current(self) -> Classifier:
        return Classifier.load(shipped_model())


def run_task(
    settings: Settings,
    home: Home,
    engine: Engine,
    *,
    redelivered: bool,
    model: NoModel | Shipped | None = None,
) -> None:
    served = model or NoModel()
    hold(WorkerProcess(settings, home, engine, served))  # type: ignore[arg-type]  # as their classes say
    app = create_app(settings, home)
    app.set_current()
    task = app.tasks[classify_files.name]
    delivery = {"redelivered": redelivered, "routing_key": "inference"}
    task.push_request(
        id="1",
        args=([1],),
        retries=0,
        called_directly=False,
        hostname="inference@here",
        delivery_info=delivery,
    )
    try:
        task.run([1])
    finally:
        task.pop_request()


def test_a_chunk_that_is_delivered_again_is_counted(
    settings: Settings, home: Home, sqlite_engine: Engine
) -> None:
    before = count("headct_chunks_redelivered_total")
    for redelivered in (False, True):
        run_task(settings, home, sqlite_engine, redelivered=redelivered)
    assert count("headct_chunks_redelivered_total") == before + 1
    assert (home.health / "inference@here").exists()


def test_a_chunk_that_waits_for_the_database_is_counted(
    settings: Settings,
    home: Home,
    redis_server: subprocess.Popen[bytes],
    tmp_path: Path,
) -> None:
    before = count("headct_chunks_retried_total")
    engine = make_engine(f"sqlite:///{tmp_path / 'gone' / 'headct.db'}")
    with pytest.raises(Retry):
        run_task(settings, home, engine, redelivered=False)
    assert count("headct_chunks_retried_total") == before + 1


def test_a_ct_without_a_head_gets_a_row_that_says_that_it_is_not_assessed(
    settings: Settings, home: Home, sqlite_engine: Engine
) -> None:
    data = as_bytes(ct_slice(np.full((80, 90), -1000, dtype=np.int16)))
    sha256 = hashlib.sha256(data).hexdigest()
    (home.store / sha256).write_bytes(data)
    with Session(sqlite_engine) as session, session.begin():
        record_arrivals(session, [NewArrival(sha256, len(data), "air.dcm", None)])
        assert next_chunks(session, 1, 64, timedelta(minutes=1)) == [[1]]
    run_task(settings, home, sqlite_engine, redelivered=False, model=Shipped())
    with sqlite_engine.connect() as connection:
        (row,) = results_of(connection, [1])
    assert (row.state, row.label, row.probability, row.reason) == ("classified", "not assessed", None, None)
    assert (row.label_code, row.label_reason) == NO_HEAD_FOUND
