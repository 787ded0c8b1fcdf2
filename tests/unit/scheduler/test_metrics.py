"""What a look at database, queue and disk tells."""

import shutil
import socket
from pathlib import Path

import pytest
import redis
from msgspec.structs import replace
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from core.broker import broker_url, redis_client
from core.errors import PortTaken
from core.home import Home
from core.secret import Secret
from core.settings import Settings
from db.arrivals import NewArrival, record_arrivals
from db.engine import make_engine
from db.promotions import promote
from db.states import Cause
from db.tables import File
from db.training_runs import RunRequest, request_run
from scheduler.metrics import StateCollector, metrics_port, serve_metrics
from scheduler.room import Disks


@pytest.fixture
def client(settings: Settings, home: Home) -> redis.Redis:
    """Of a Redis that does not run."""
    return redis_client(broker_url(settings, home))


def collector(
    engine: Engine, client: redis.Redis, home: Home, database: Path | None = None, stale_s: float = 0.0
) -> StateCollector:
    url = Secret(f"sqlite:///{database or home.database}")
    disks = Disks(Settings(home=home.root, database_url=url), home)
    return StateCollector(engine, client, home, disks, "default-1", lambda: 7.0, stale_s=stale_s)


def look(
    engine: Engine, client: redis.Redis, home: Home, database: Path | None = None, stale_s: float = 0.0
) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(collector(engine, client, home, database, stale_s))
    return registry


def test_it_follows_the_database(engine: Engine, client: redis.Redis, home: Home) -> None:
    ask = look(engine, client, home).get_sample_value
    assert ask("headct_files", {"state": "received"}) == 0
    assert ask("headct_oldest_unfinished_age_seconds") == 0
    assert ask("headct_model_info", {"version": "default-1"}) == 1
    with Session(engine) as session, session.begin():
        record_arrivals(session, [NewArrival(f"{number:064}", 1, "a.png", None) for number in range(3)])
        session.execute(
            update(File).where(File.sha256 == f"{0:064}").values(state="quarantined", reason="It hangs.")
        )
        request_run(session, RunRequest(seed=1, epochs=1, promote=True, requested_by="a person"))
        promote(session, "site-1", cause=Cause.PERSON, decided_by="ann", evidence=None)
    assert ask("headct_files", {"state": "received"}) == 2
    assert ask("headct_files", {"state": "quarantined"}) == 1
    assert 0 < (ask("headct_oldest_unfinished_age_seconds") or 0) < 60
    assert ask("headct_training_runs", {"state": "requested"}) == 1
    assert ask("headct_model_info", {"version": "site-1"}) == 1
    assert ask("headct_heartbeat_age_seconds") == 7


def test_it_follows_inbox_pause_and_disk(sqlite_engine: Engine, client: redis.Redis, home: Home) -> None:
    ask = look(sqlite_engine, client, home).get_sample_value
    assert (ask("headct_inbox_files"), ask("headct_intake_paused")) == (0, 0)
    (home.inbox / "study").mkdir()
    (home.inbox / "study" / "Doe^Jane.png").write_bytes(b"")
    home.intake_paused.write_text("since now: the disk is full")
    assert (ask("headct_inbox_files"), ask("headct_intake_paused")) == (1, 1)
    free = ask("headct_disk_free_bytes", {"folder": "home"}) or 0
    assert abs(free - shutil.disk_usage(home.root).free) < 2**30
    home.store.rmdir()
    assert ask("headct_disk_free_bytes", {"folder": "store"}) is None


@pytest.mark.parametrize("folder", ["home", "store", "redis", "database"])
def test_it_follows_the_free_disks(
    sqlite_engine: Engine, client: redis.Redis, home: Home, small_disk: Path, folder: str
) -> None:
    """Each of them by itself, as each can be a mount."""
    if folder in ("store", "redis"):
        (home.root / folder).rmdir()
        (home.root / folder).symlink_to(small_disk)
    watched = Home(small_disk) if folder == "home" else home
    database = small_disk / "headct.db" if folder == "database" else None
    ask = look(sqlite_engine, client, watched, database).get_sample_value
    before = ask("headct_disk_free_bytes", {"folder": folder}) or 0
    (small_disk / "file").write_bytes(b"x" * 2**15)
    assert ask("headct_disk_free_bytes", {"folder": folder}) == before - 2**15


def test_a_redis_and_a_database_that_are_away_are_told(
    client: redis.Redis, home: Home, tmp_path: Path
) -> None:
    gone = make_engine(f"sqlite:///{tmp_path / 'gone' / 'headct.db'}")
    ask = look(gone, client, home).get_sample_value
    assert (ask("headct_broker_up"), ask("headct_database_up")) == (0, 0)
    assert ask("headct_queue_messages", {"queue": "inference"}) is None


def test_an_answer_holds_for_a_while(sqlite_engine: Engine, client: redis.Redis, home: Home) -> None:
    ask = look(sqlite_engine, client, home, stale_s=30.0).get_sample_value
    assert ask("headct_inbox_files") == 0
    (home.inbox / "a.png").write_bytes(b"")
    assert ask("headct_inbox_files") == 0


def test_a_taken_port_is_told_and_ends_no_scheduler(
    settings: Settings,
    sqlite_engine: Engine,
    client: redis.Redis,
    home: Home,
    caplog: pytest.LogCaptureFixture,
) -> None:
    state = collector(sqlite_engine, client, home)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = replace(settings, metrics_port=other.getsockname()[1])
        with pytest.raises(PortTaken, match="HEADCT_METRICS_PORT"):
            metrics_port(taken)
        with serve_metrics(taken, home, state):
            assert "no metrics are served" in caplog.text
