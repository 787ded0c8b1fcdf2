"""Very many files at once: each is recorded once, in bounded memory, at the same cost per file as of few.

The scheduler runs as it does in `headct up`, with Redis and without workers, so that its cost stands
alone; in the full form a worker follows.
"""

import contextlib
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Engine, func, select

from core.home import Home
from core.settings import Settings
from db.engine import make_engine, reading
from db.queries import counts_by_state
from db.states import UNFINISHED
from db.tables import Arrival, Scan
from tests.faults.trials import Plan, Record, Trials
from tests.processes import headct_process, peak_memory, redis_process, wait_until

_MOST_MEMORY_MB, _DEAREST = 200, 1.2
_PATIENCE_S = 600
PNG, END = b"\x89PNG\r\n\x1a\n", b"\x00\x00\x00\x00IEND\xaeB`\x82"


@dataclass(frozen=True)
class Scheduler:
    """A running `headct watch` under a home of its own."""

    home: Home
    engine: Engine
    process: psutil.Process

    def recorded(self) -> int:
        with reading(self.engine) as session:
            return session.scalar(select(func.count()).select_from(Arrival)) or 0

    def wait_for(self, count: int) -> None:
        """Wait until so many files are recorded, and the inbox is empty."""
        wait_until(
            lambda: self.recorded() >= count and not any(self.home.inbox.iterdir()),
            _PATIENCE_S,
            what=f"{count} files are recorded and gone from the inbox",
        )

    def cpu_s(self) -> float:
        """CPU time that it took until now, in seconds."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def peak_mb(self) -> int:
        """The most memory that it ever held, in MiB."""
        return peak_memory(self.process.pid) // 2**20

    def check(self, record: Record, count: int) -> None:
        """Each of the files is recorded once, as a scan of its own, and stands in the store once."""
        with reading(self.engine) as session:
            names = session.scalar(select(func.count(Arrival.source_name.distinct()))) or 0
            scans = session.scalar(select(func.count()).select_from(Scan)) or 0
        stored = sum(1 for _ in self.home.store.iterdir())
        left = sum(1 for _ in self.home.inbox.iterdir())
        record.repetitions += 1
        record.files += count
        record.lost += count - names
        record.doubled += self.recorded() - names
        record.stuck += left
        assert (names, self.recorded(), scans, stored, left) == (count, count, count, count, 0)

    def work_off(self, count: int) -> None:
        """Let a worker look at them: each is rejected, since none holds an image."""

        def states() -> dict[str, int]:
            with reading(self.engine) as session:
                return counts_by_state(session)

        with headct_process(self.home, "worker"):
            wait_until(
                lambda: not any(states()[state] for state in UNFINISHED),
                3 * _PATIENCE_S,
                what="all are final",
            )
        assert states()["rejected"] == count


@contextlib.contextmanager
def scheduler(folder: Path, database: Path, files: int = 0) -> Iterator[Scheduler]:
    """A scheduler that finds so many files in its inbox at its start."""
    home = Home(folder)
    home.make()
    shutil.copyfile(database, home.database)
    home.database.chmod(0o600)
    write(home.inbox, range(files))
    engine = make_engine(f"sqlite:///{home.database}")
    with (
        redis_process(Settings(_env_file=None, home=home.root), home),
        headct_process(home, "watch") as process,
    ):
        yield Scheduler(home, engine, psutil.Process(process.pid))
    engine.dispose()
    shutil.rmtree(home.root)


def write(folder: Path, numbers: range) -> None:
    """Tiny files of distinct content; one in ten does not carry its own end."""
    for number in numbers:
        with (folder / f"{number}.png").open("wb") as file:
            file.write(b"II*\x00%d" % number if number % 10 == 0 else PNG + b"%d" % number + END)


@pytest.fixture
def record(plan: Plan, trials: Trials, request: pytest.FixtureRequest) -> Record:
    """The row of this test in the closing table."""
    made = Record(request.param, plan.seed)
    trials.records.append(made)
    return made


@pytest.mark.parametrize("record", ["many files in the inbox at once"], indirect=True)
def test_the_cost_of_a_file_does_not_grow_with_their_number(
    plan: Plan, record: Record, tmp_path: Path, migrated_sqlite: Path
) -> None:
    few, many = 1_000, 100_000 if plan.full else 1_000
    costs: dict[int, list[float]] = {few: [], many: []}
    for number, count in enumerate((few, many, few) if plan.full else (few,)):
        with scheduler(tmp_path / str(number), migrated_sqlite, count) as running:
            wait_until(running.recorded, what="it has started")
            cpu_before, recorded_before = running.cpu_s(), running.recorded()
            running.wait_for(count)
            costs[count].append((running.cpu_s() - cpu_before) / (count - recorded_before))
            peak_mb = running.peak_mb()
            running.check(record, count)
            if count == many:
                assert peak_mb < _MOST_MEMORY_MB
                if plan.full:
                    running.work_off(count)
                print(f"\n{count} files: {peak_mb} MiB at most")  # noqa: T201 - figures of the closing note
    if plan.full:
        ratio = costs[many][0] / (sum(costs[few]) / len(costs[few]))
        print(  # noqa: T201 - figures of the closing note
            f"CPU of a file: {1000 * costs[many][0]:.2f} ms of {many}, "
            f"{', '.join(f'{1000 * cost:.2f}' for cost in costs[few])} ms of {few}; ratio {ratio:.2f}"
        )
        assert ratio <= _DEAREST
    record.ended = True


@pytest.mark.parametrize("record", ["SIGSTOP of the watcher while many files are dropped"], indirect=True)
def test_what_is_dropped_while_the_watcher_stands_still_is_found(
    plan: Plan, record: Record, tmp_path: Path, migrated_sqlite: Path
) -> None:
    count = 30_000 if plan.full else 1_000
    with scheduler(tmp_path / "home", migrated_sqlite) as running:
        write(running.home.inbox, range(10))
        running.wait_for(10)
        running.process.send_signal(signal.SIGSTOP)
        write(running.home.inbox, range(10, count))
        running.process.send_signal(signal.SIGCONT)
        running.wait_for(count)
        assert running.peak_mb() < _MOST_MEMORY_MB
        running.check(record, count)
        if plan.full:
            running.work_off(count)
    record.ended = True
