"""One running system for the tests that need no other."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
from sqlalchemy import Engine

from core.home import Home
from db.engine import make_engine, reading
from db.results import ResultFilter, results
from tests.processes import headct_process, wait_until


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
        yield System(home, engine, process, int(port[1]))
        engine.dispose()


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
