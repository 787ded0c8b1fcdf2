"""One running system for the tests that need no other."""

import contextlib
import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

import psutil
import pytest
from sqlalchemy import Engine

from core.home import Home
from db.engine import make_engine, reading
from db.results import ResultFilter, results
from tests.processes import headct_process, wait_until


def still_running(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that have not ended within that time; one that only waits to be reaped has."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


@dataclass(frozen=True)
class System:
    """A `headct up` process that serves its home."""

    home: Home
    engine: Engine
    process: Popen[bytes]
    flower_port: int

    def drop(self, content: bytes, name: str) -> None:
        """Write a file into the inbox as any program would."""
        path = self.home.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def rows(self) -> dict[str, Any]:
        """Rows of the view `results` by source name."""
        with reading(self.engine) as session:
            return {row.source_name: row for row in results(session, ResultFilter())}

    def state(self, name: str) -> str | None:
        row = self.rows().get(name)
        return None if row is None else str(row.state)

    def stop(self, number: signal.Signals) -> None:
        """Stop it as a service manager or Ctrl-C would: it ends within 10 s and leaves no process."""
        everything = psutil.Process(self.process.pid).children(recursive=True)
        assert len(everything) >= 5
        began = time.monotonic()
        os.kill(self.process.pid, number)
        self.process.wait(20)
        assert time.monotonic() - began < 10
        assert still_running(everything, 1) == []

    def wait_for(self, *names: str, seconds: float = 60) -> None:
        """Wait until the files of these names have a final state."""
        final = {"classified", "rejected", "quarantined"}
        wait_until(
            lambda: {self.state(name) for name in names} <= final, seconds, what=f"final states of {names}"
        )


@contextlib.contextmanager
def running_system(home: Home, url: str | None = None, **environment: str) -> Iterator[System]:
    """`headct up` on that home, ready to classify, with any free port for Flower."""
    variables = {"HEADCT_FLOWER_PORT": "0", "HEADCT_WORKER_PROCESSES": "1", **environment}
    if url:
        variables["HEADCT_DATABASE_URL"] = url
    with headct_process(home, "up", **variables) as process:
        output = home.logs / "up.out"
        wait_until(
            lambda: process.poll() is not None or "Ctrl-C" in output.read_text(), what="up says where it is"
        )
        assert process.poll() is None, output.read_text()
        port = re.search(r"Flower\s+http://127\.0\.0\.1:(\d+)", output.read_text())
        assert port is not None
        engine = make_engine(url or f"sqlite:///{home.database}")
        system = System(home, engine, process, int(port[1]))
        yield system
        engine.dispose()
        if process.poll() is None:
            system.stop(signal.SIGTERM)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One system for all tests of a module."""
    home = Home(tmp_path_factory.mktemp("system") / "home")
    home.make()
    with running_system(home, HEADCT_WORKER_PROCESSES="2") as running:
        yield running


@pytest.fixture(scope="session")
def scan_bytes(synthetic_scans: Path) -> bytes:
    """One good scan."""
    return next(iter(sorted((synthetic_scans / "images").iterdir()))).read_bytes()
