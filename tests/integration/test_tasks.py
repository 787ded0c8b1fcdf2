"""What a task counts of deliveries and tries, with a real queue."""

import subprocess
from pathlib import Path

import pytest
from celery.exceptions import Retry
from prometheus_client import REGISTRY
from sqlalchemy import Engine

from core.home import Home
from core.settings import Settings
from db.engine import make_engine
from worker import process
from worker.app import create_app
from worker.process import WorkerProcess
from worker.tasks import classify_scans


class NoModel:
    """Stands for a model that is never asked, as no scan is claimed."""

    def take(self) -> None:
        return None


def count(name: str) -> float:
    return REGISTRY.get_sample_value(name) or 0


def run_task(
    settings: Settings, home: Home, engine: Engine, monkeypatch: pytest.MonkeyPatch, *, redelivered: bool
) -> None:
    monkeypatch.setattr(process, "_current", WorkerProcess(settings, home, engine, NoModel()))  # type: ignore[arg-type]
    app = create_app(settings, home)
    app.set_current()
    task = app.tasks[classify_scans.name]
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
    settings: Settings, home: Home, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = count("headct_chunks_redelivered_total")
    for redelivered in (False, True):
        run_task(settings, home, sqlite_engine, monkeypatch, redelivered=redelivered)
    assert count("headct_chunks_redelivered_total") == before + 1
    assert (home.health / "inference@here").exists()


def test_a_chunk_that_waits_for_the_database_is_counted(
    settings: Settings,
    home: Home,
    redis_server: subprocess.Popen[bytes],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    before = count("headct_chunks_retried_total")
    engine = make_engine(f"sqlite:///{tmp_path / 'gone' / 'headct.db'}")
    with pytest.raises(Retry):
        run_task(settings, home, engine, monkeypatch, redelivered=False)
    assert count("headct_chunks_retried_total") == before + 1
