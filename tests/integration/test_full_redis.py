"""A Redis that answers, but has no room for a message: whoever asks is told, by whichever way."""

import subprocess
from collections.abc import Iterator

import pytest
import redis
from prometheus_client.core import CollectorRegistry
from sqlalchemy import Engine

from core.broker import broker_url, redis_client
from core.home import Home
from core.settings import Settings
from scheduler.metrics import StateCollector
from scheduler.room import Disks
from tests.processes import run_headct


@pytest.fixture
def full(settings: Settings, home: Home, redis_server: subprocess.Popen[bytes]) -> Iterator[redis.Redis]:
    client = redis_client(broker_url(settings, home))
    client.config_set("maxmemory", "1")
    yield client
    client.close()


@pytest.mark.usefixtures("full")
def test_status_and_doctor_say_so(home: Home) -> None:
    assert run_headct(home, "migrate").returncode == 0
    state = run_headct(home, "status")
    assert (state.returncode, state.stderr) == (0, "")
    assert "Redis takes no messages" in state.stdout
    checked = run_headct(home, "doctor")
    assert checked.returncode == 1
    assert "BAD  broker: Redis takes no messages" in checked.stdout
    assert "BAD  parts of headct up: headct does not run" in checked.stdout
    assert checked.stdout.count("BAD") == 2, "nobody can be heard, which is no fault of the workers"
    assert "--   classify worker: not looked at: see broker" in checked.stdout


def test_its_metric_falls_and_rises(
    settings: Settings, home: Home, sqlite_engine: Engine, full: redis.Redis
) -> None:
    def is_up() -> float | None:
        registry = CollectorRegistry()
        disks = Disks(settings, home)
        registry.register(StateCollector(sqlite_engine, full, home, disks, "default-1", lambda: 7.0))
        return registry.get_sample_value("headct_broker_up")

    assert is_up() == 0
    full.config_set("maxmemory", "0")
    assert is_up() == 1
    assert full.dbsize() == 0, "looking leaves nothing"
