"""A running system under a home of its own: start it, drop files, signal its parts, wait."""

import contextlib
import hashlib
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any

import psutil
import redis
from sqlalchemy import URL, Engine, func, select
from sqlalchemy.exc import DBAPIError

from core.broker import broker_url, redis_client
from core.home import Home
from core.settings import Settings
from db.engine import make_engine, read_session
from db.results import ResultFilter, results
from db.states import UNFINISHED, StudyState
from db.tables import Arrival, File, Study
from scheduler.claims import InboxFile
from scheduler.inbox import find_files
from tests.faults.invariants import Drop, processes_of
from tests.processes import scrape, start_headct, wait_until

_POISON = Path(__file__).parent / "poison" / "python.py"
# The last word of each supervised part's command line.
_PARTS = {"watch": "scheduler", "inference": "worker", "training": "training", "flower": "flower"}
STOPS_WITHIN_S = 10


def poisoned_interpreter(script: Path, poison: str = "decoder") -> Path:
    """Write a script that is Python, but for its decoder, or `tensorflow` (tests/faults/poison/python.py)."""
    script.write_text(f'#!/bin/sh\nexec {sys.executable} {_POISON} "$0" {poison} "$@"\n')
    script.chmod(0o700)
    return script


def still_running(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that have not ended within that time; one that only waits to be reaped has."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return [process for process in alive if _lives(process)]


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:  # reaped just now
        return False


class System:
    """`headct up` on a home; it can be stopped or killed and started again.

    Parameters
    ----------
    url
        Of the database; None for SQLite in the home.
    python
        The interpreter of its processes; None for this one.
    environment
        Further variables of the processes.
    """

    def __init__(
        self, home: Home, url: str | None = None, *, python: Path | None = None, **environment: str
    ) -> None:
        self.home = home
        self.engine: Engine = make_engine(url or URL.create("sqlite", database=str(home.database)))
        self._python = python
        self.dropped: list[Drop] = []
        self._environment = {
            "HEADCT_FLOWER_PORT": "0",
            "HEADCT_WORKER_PROCESSES": "1",
            "HEADCT_STUDY_SETTLE_SECONDS": "2",
            **environment,
        }
        if url:
            self._environment["HEADCT_DATABASE_URL"] = url
        self.process: Popen[bytes]
        self.web_port: int
        self.flower_port: int

    def start(self) -> None:
        """Start it; returns when `up` says where everything is, before a worker is ready."""
        output = self.home.logs / "up.out"
        said_before = output.stat().st_size if output.exists() else 0

        def said() -> str:
            return output.read_bytes()[said_before:].decode()

        self.process = start_headct(self.home, "up", python=self._python, **self._environment)
        wait_until(lambda: self.process.poll() is not None or "Ctrl-C" in said(), what="up says where it is")
        assert self.process.poll() is None, said()
        web, flower, _ = re.findall(r"http://127\.0\.0\.1:(\d+)", said())
        self.web_port, self.flower_port = int(web), int(flower)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop it as a service manager or Ctrl-C would: it ends within 10 s and leaves no process."""
        everything = psutil.Process(self.process.pid).children(recursive=True)
        assert everything
        began = time.monotonic()
        os.kill(self.process.pid, number)
        self.process.wait(20)
        assert time.monotonic() - began < STOPS_WITHIN_S
        assert still_running(everything, 1) == []

    def power_off(self) -> None:
        """Kill everything at once, as a failing power supply would."""
        everything = processes_of(self.home)
        for process in everything:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(5)
        assert still_running(everything, 5) == []

    @contextlib.contextmanager
    def suspended(self, part: str) -> Iterator[None]:
        """That part, or `up` itself, stands still until the block ends."""
        process = psutil.Process(self.process.pid) if part == "up" else self.part(part)
        process.suspend()
        try:
            yield
        finally:
            process.resume()

    def parts(self) -> dict[str, psutil.Process]:
        """The supervised processes: redis, scheduler, worker, training, flower; those that run now."""
        found = {}
        for process in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                words = process.cmdline() or [""]  # while it is being started
                if "redis-server" in words[0]:
                    found["redis"] = process
                elif words[-1] in _PARTS:
                    found[_PARTS[words[-1]]] = process
        return found

    def part(self, name: str) -> psutil.Process:
        """One supervised process, as soon as it runs."""
        return wait_until(lambda: self.parts().get(name), what=f"{name} runs")

    def children(self, part: str) -> list[psutil.Process]:
        """The prefork children of `worker` or `training` that live, as soon as there are any.

        A child that was killed is a zombie until its parent looks, which is every few seconds.
        """
        return wait_until(
            lambda: still_running(self.part(part).children(), 0), what=f"{part} has living children"
        )

    def kill_children(self, part: str) -> None:
        """SIGKILL to each of them; one that another kill reached first is gone already."""
        for child in self.children(part):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()

    def drop(self, content: bytes, name: str, state: str | None = None, *, frames: int = 0) -> None:
        """Write a file into the inbox as any program would; it is to end in `state`, or in any final one."""
        path = self.expect(content, name, state, frames=frames)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def expect(
        self,
        content: bytes,
        name: str,
        state: str | None = None,
        *,
        of_archive: bool = False,
        frames: int = 0,
    ) -> Path:
        """Have the checker look for a file that is about to come into the inbox; returns its path there."""
        path = self.home.inbox / name
        source_name = InboxFile(path, Path(name)).source_name
        sha256 = hashlib.sha256(content).hexdigest()
        self.dropped.append(Drop(source_name, sha256, state, of_archive, frames))
        return path

    def redis(self) -> redis.Redis:
        """A client of the embedded Redis, as soon as that runs."""
        wait_until(self.home.redis_socket.exists, what="Redis listens")
        return redis_client(broker_url(Settings(home=self.home.root), self.home))

    def rows(self) -> dict[str, Any]:
        """Rows of the view `results` by source name."""
        with read_session(self.engine) as session:
            return {row.source_name: row for row in results(session, ResultFilter())}

    def state(self, name: str) -> str | None:
        row = self.rows().get(name)
        return None if row is None else str(row.state)

    def wait_for(self, *names: str, seconds: float = 60) -> None:
        """Wait until the files of these names have a final state."""
        final = {"classified", "rejected", "quarantined"}

        def are_final() -> bool:
            rows = self.rows()
            return all(name in rows and rows[name].state in final for name in names)

        wait_until(are_final, seconds, what=f"final states of {names}")

    def metrics(self) -> dict[str, float]:
        """Every sample that it serves for Prometheus."""
        said = (self.home.logs / "up.out").read_text()
        return scrape(int(re.findall(r"Metrics\s+http://127\.0\.0\.1:(\d+)", said)[-1]))

    def taken_again(self) -> int:
        """Files that some worker began and did not come back from."""
        with read_session(self.engine) as session:
            return session.scalar(select(func.count()).where(File.attempts > 1)) or 0

    def count(self, *states: str) -> int:
        """Files in these states."""
        with read_session(self.engine) as session:
            return session.scalar(select(func.count()).where(File.state.in_(states))) or 0

    def open_studies(self) -> int:
        """Studies without their last result."""
        with read_session(self.engine) as session:
            return session.scalar(select(func.count()).where(Study.state == StudyState.OPEN)) or 0

    def arrivals(self) -> int:
        """Files that are recorded, but for those that came out of archives."""
        with read_session(self.engine) as session:
            return session.scalar(select(func.count()).where(Arrival.archive_id.is_(None))) or 0

    def is_recorded(self) -> bool:
        """Whether every file that was dropped is recorded."""
        return self.arrivals() >= sum(not drop.of_archive for drop in self.dropped)

    def is_settled(self) -> bool:
        """Whether every dropped file is recorded, none left in the inbox, and each file and study final."""
        try:
            return (
                self.is_recorded()
                and self.count(*UNFINISHED) == 0
                and not any(find_files(self.home.inbox))
                and self.open_studies() == 0
            )
        except DBAPIError:
            return False


@contextlib.contextmanager
def running_system(
    home: Home, url: str | None = None, *, python: Path | None = None, **environment: str
) -> Iterator[System]:
    """`headct up` on that home, ready to classify, with any free port for Flower."""
    system = System(home, url, python=python, **environment)
    try:
        system.start()
        yield system
        if system.process.poll() is None:
            system.stop()
    finally:
        system.engine.dispose()
        for process in processes_of(home):  # of a test that failed
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
