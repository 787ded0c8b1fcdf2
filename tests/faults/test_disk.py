"""A disk fills up (store, database or Redis): the intake pauses, says so, and goes on by itself."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cli.operation import print_state
from core.home import Home
from core.ports import free_port
from core.secret import Secret
from core.settings import Settings
from db.engine import make_engine
from db.tables import Arrival
from scheduler.inbox import find_files
from services.context import Context
from services.status import read_state
from tests.conftest import file_system
from tests.faults.system import System, running_system, still_running
from tests.faults.trials import Trials
from tests.processes import headct_process, redis_process, run_headct, scrape, wait_until

_MARK_MB, _MIB = 2, 2**20
_BACK_S = 60
PNG = b"\x89PNG\r\n\x1a\n...\x00\x00\x00\x00IEND\xaeB`\x82"


@dataclass(frozen=True)
class Disk:
    """A small file system that can be filled up."""

    folder: Path

    def fill(self, *, leave_mb: int = 0) -> None:
        """Take all space but so much (in MiB)."""
        while True:
            space = os.statvfs(self.folder)
            free = space.f_bavail * space.f_frsize - leave_mb * _MIB
            if free <= 0:
                return
            with self._filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
                file.write(bytes(min(free, 8 * _MIB)))

    def make_room(self) -> None:
        self._filler.unlink()

    @property
    def _filler(self) -> Path:
        return self.folder / ".filler"


@pytest.fixture
def disks(home: Home) -> Iterator[dict[str, Disk]]:
    """One disk each for what headct writes."""
    found = {
        "store": Disk(home.store),
        "database": Disk(home.root / "sql"),
        "Redis's file": Disk(home.redis),
    }
    with contextlib.ExitStack() as mounts:
        for name, disk in found.items():
            mounts.enter_context(file_system(disk.folder, "1g" if name == "store" else "64m"))
        yield found


@pytest.fixture
def url(disks: dict[str, Disk]) -> str:
    """Of the database on its small disk."""
    return f"sqlite:///{disks['database'].folder}/headct.db"


def test_the_intake_pauses_before_any_disk_is_full_and_goes_on_by_itself(
    settings: Settings, home: Home, disks: dict[str, Disk], url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port("The metrics", "HEADCT_METRICS", "127.0.0.1", 0)
    environment = {
        "HEADCT_DATABASE_URL": url,
        "HEADCT_MIN_FREE_MB": str(_MARK_MB),
        "HEADCT_METRICS_PORT": str(port),
    }
    changes = {"database_url": Secret(url), "min_free_mb": _MARK_MB}
    context = Context(replace(settings, **changes), home, make_engine(url))

    def arrivals() -> int:
        with Session(context.engine) as session:
            return session.scalar(select(func.count()).select_from(Arrival)) or 0

    assert run_headct(home, "migrate", **environment).returncode == 0
    with redis_process(settings, home), headct_process(home, "watch", **environment):
        (home.inbox / "before.png").write_bytes(PNG)
        wait_until(lambda: arrivals() == 1, what="the intake works")
        filled: Disk | None = None
        for number, disk in enumerate(disks.values()):
            disk.fill(leave_mb=1)
            if filled:
                filled.make_room()
            filled = disk
            (home.inbox / f"{number}.png").write_bytes(PNG + b"%d" % number + PNG)
            wait_until(home.intake_paused.exists, what="the intake pauses")
            state = read_state(context)
            assert f"below {disk.folder}" in state["intake_paused"]
            assert state["free_mb"] < _MARK_MB
            print_state(state)
            assert "HEADCT_MIN_FREE_MB" in capsys.readouterr().out
        wait_until(lambda: scrape(port)["headct_intake_paused"] == 1, what="its metric says so")
        checked = run_headct(home, "doctor", **environment)
        assert "BAD  free disk: only 1 MiB" in checked.stdout
        assert arrivals() == 1, "nothing was taken below the mark"
        assert filled is not None
        filled.make_room()
        wait_until(lambda: arrivals() == 4, what="it goes on")
        wait_until(lambda: not home.intake_paused.exists(), what="the pause is over")
        assert read_state(context)["intake_paused"] is None
        wait_until(lambda: scrape(port)["headct_intake_paused"] == 0, what="its metric says so")
    context.engine.dispose()
    log = (home.logs / "watch.out").read_text()
    assert log.count("the intake pauses") == log.count("the intake goes on") == 1
    assert not list(find_files(home.inbox))


@pytest.mark.usefixtures("full_form")
@pytest.mark.parametrize("which", ["store", "database", "Redis's file"])
def test_a_disk_is_full(which: str, home: Home, disks: dict[str, Disk], url: str, trials: Trials) -> None:
    """Really full: the mark is off. Of Redis's file alone arrivals do not depend."""
    with running_system(home, url, HEADCT_MIN_FREE_MB="0") as system:
        _warm_up(system, trials)
        for trial in trials.of(f"disk full: {which}", system, within_s=_BACK_S):
            with trial.arriving(per_second=5):
                trial.pause(1)
                disks[which].fill()
                if which == "Redis's file":
                    trial.drop(20)
                    trial.wait_until_recorded()
                    said = run_headct(home, "status", HEADCT_DATABASE_URL=url).stdout
                    assert "Redis takes no messages" in " ".join(said.split())
                else:
                    wait_until(home.intake_paused.exists, what="the intake pauses")
                    assert run_headct(home, "status", HEADCT_DATABASE_URL=url).stdout.count("pauses") >= 1
                trial.pause(5)
                disks[which].make_room()
            trial.over()


def _warm_up(system: System, trials: Trials) -> None:
    content, name = trials.files.new()
    system.drop(content, name)
    system.wait_for(name)


@pytest.mark.usefixtures("full_form")
@pytest.mark.parametrize("database", ["inside", "elsewhere"])
def test_the_disk_of_the_whole_home_is_full(database: str, tmp_path: Path, trials: Trials) -> None:
    """With logs, metrics and `up`'s own output on it; processes that begin meanwhile live."""
    home = Home(tmp_path / "home")
    with file_system(home.root, "512m"):
        home.make()
        (tmp_path / "sql").mkdir(mode=0o700)
        folder = home.root if database == "inside" else tmp_path / "sql"
        url, disk = f"sqlite:///{folder}/headct.db", Disk(home.root)
        with running_system(home, url, HEADCT_MIN_FREE_MB="0", HEADCT_LEASE_SECONDS="10") as system:
            _warm_up(system, trials)
            killed = []
            for trial in trials.of(f"disk full: home, database {database}", system, within_s=_BACK_S):
                with system.suspended("worker"):
                    trial.drop(4)
                    trial.wait_until_recorded()
                    disk.fill()
                    # None may live: what Redis could not write just before has ended their worker.
                    children = still_running(system.part("worker").children(), 0)
                    for child in children:
                        child.kill()
                    killed.append(len(children))
                trial.pause(60)
                disk.make_room()
                trial.over()
            assert killed.count(0) <= len(killed) / 2
