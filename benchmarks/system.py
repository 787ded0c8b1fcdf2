"""`headct up` as a process of its own under a temporary home, and what can be seen of it from outside."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # ships no types

from core.home import Home

_PATIENCE_S, _STOP_S = 180.0, 20.0
# Of an index each, and no more rows than are unfinished: to look often costs the measured system little.
_FINISHED = """SELECT coalesce((SELECT max(id) FROM file), 0) -
    (SELECT count(*) FROM file WHERE state IN ('received', 'queued', 'running'))"""


class BenchmarkFailed(Exception):
    """The system did not come up, got no further, or left processes behind; the message holds its logs."""


class RunningSystem:
    """A running `headct up`.

    The database is read through a connection of its own.
    """

    def __init__(self, home: Home, process: subprocess.Popen[bytes]) -> None:
        self.home = home
        self._process = process
        self._database: sqlite3.Connection | None = None

    def finished(self) -> int:
        """Images whose final state is committed; 0 while there is no database yet."""
        try:
            if self._database is None:
                self._database = sqlite3.connect(f"file:{self.home.database}?mode=ro", uri=True)
            return int(self._database.execute(_FINISHED).fetchone()[0])
        except sqlite3.OperationalError:
            return 0

    def count(self, query: str) -> int:
        """The number that a query of the database gives."""
        with contextlib.closing(sqlite3.connect(f"file:{self.home.database}?mode=ro", uri=True)) as database:
            return int(database.execute(query).fetchone()[0] or 0)

    def wait_for(self, finished: int, look_s: float) -> None:
        """Look every `look_s` seconds until so many images have a final state.

        Raises
        ------
        BenchmarkFailed
        """
        deadline = time.monotonic() + _PATIENCE_S
        while self.finished() < finished:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise BenchmarkFailed(f"{self.finished()} of {finished} images finished.\n{self._said()}")
            time.sleep(look_s)

    def drop(self, paths: list[Path]) -> None:
        """Rename files of the same file system into the inbox."""
        for path in paths:
            path.rename(self.home.inbox / path.name)

    def processes(self) -> list[psutil.Process]:
        """The supervisor and all that it started, directly or not."""
        supervisor = psutil.Process(self._process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def check_results(self) -> None:
        """The benchmark's own files must all have a result, or the figures do not count.

        Raises
        ------
        BenchmarkFailed
        """
        if without := self.count("SELECT count(*) FROM file WHERE reason IS NOT NULL"):
            raise BenchmarkFailed(f"{without} files were rejected.\n{self._said()}")

    def stop(self) -> None:
        """Stop it as a service manager would.

        Raises
        ------
        BenchmarkFailed
            Processes were left behind; they are killed.
        """
        if self._database is not None:
            self._database.close()
        with contextlib.suppress(psutil.NoSuchProcess):
            started = self.processes()
            self._process.send_signal(signal.SIGTERM)
            _, left = psutil.wait_procs(started, timeout=_STOP_S)
            for process in left:
                process.kill()
            if left:
                raise BenchmarkFailed(f"{len(left)} processes were left behind.\n{self._said()}")

    def _said(self) -> str:
        return "\n".join(
            f"{path.name}: {path.read_text(errors='replace')[-1500:]}"
            for path in sorted(self.home.logs.glob("*.log"))
        )


@contextlib.contextmanager
def running_system(root: Path, waiting: bytes, **settings: str) -> Iterator[RunningSystem]:
    """`headct up` on a fresh home below `root`, whose inbox holds one file already.

    `settings` are environment variables `HEADCT_*`.
    """
    home = Home(root)
    home.make()
    (home.inbox / "first.png").write_bytes(waiting)
    with (home.logs / "up.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", "cli", "up"],
            cwd=root,  # where no `.env` is
            env=environment(root) | settings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the benchmark, which then stops the system
        )
    system = RunningSystem(home, process)
    try:
        yield system
    finally:
        system.stop()
        process.wait()


def environment(root: Path) -> dict[str, str]:
    """This process's environment without its settings for headct, but with this home and any port."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADCT_")}
    return kept | {
        "HEADCT_HOME": str(root),
        "HEADCT_FLOWER_PORT": "0",
        "HEADCT_METRICS_PORT": "0",
        "HEADCT_WEB_PORT": "0",
    }
