"""Very many files at once: each ends in one state, in bounded memory, at the same cost per file as of few."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from core.home import Home
from tests.faults.system import System, running_system
from tests.faults.trials import Trials
from tests.processes import peak_memory, wait_until

_MOST_MEMORY_MB, _DEAREST = 200, 1.2
_PATIENCE_S = _WITHIN_S = 600
PNG, END = b"\x89PNG\r\n\x1a\n", b"\x00\x00\x00\x00IEND\xaeB`\x82"


@contextmanager
def fresh_system(folder: Path, trials: Trials) -> Iterator[System]:
    """A system of its own, which has classified one file; nothing of it is left."""
    home = Home(folder)
    home.make()
    with running_system(home) as system:
        content, name = trials.files.new()
        system.drop(content, name, "classified")
        system.wait_for(name)
        yield system
    shutil.rmtree(folder)


def write(system: System, folder: Path, count: int) -> None:
    """Tiny files of distinct content, none an image; one in ten does not carry its own end."""
    for number in range(count):
        name = f"{folder.name}/{number}.png"
        content = name.encode()
        content = b"II*\x00" + content if number % 10 == 0 else PNG + content + END
        system.expect(content, name, "rejected")
        (folder / f"{number}.png").write_bytes(content)


def drop_at_once(system: System, count: int) -> None:
    """Move a folder of so many files into the inbox."""
    folder = system.home.root.with_name(f"batch-{count}")
    folder.mkdir()
    write(system, folder, count)
    folder.rename(system.home.inbox / folder.name)


def wait_until_recorded(system: System) -> None:
    wait_until(lambda: system.arrivals() >= len(system.dropped), _PATIENCE_S, what="all are recorded")


def wait_until_settled(system: System) -> None:
    wait_until(system.is_settled, _PATIENCE_S, what="all are final", every_s=0.5)


def scheduler(system: System) -> psutil.Process:
    """Its process, whose memory was never beyond the bound."""
    process = system.part("scheduler")
    assert peak_memory(process.pid) < _MOST_MEMORY_MB * 2**20
    return process


def cpu_s(process: psutil.Process) -> float:
    """CPU time that it took until now, in seconds."""
    times = process.cpu_times()
    return float(times.user + times.system)


def test_the_cost_of_a_file_does_not_grow_with_their_number(trials: Trials, tmp_path: Path) -> None:
    few, many = 1_000, 100_000
    costs = dict.fromkeys((few, many), 0.0)
    case = trials.case("many files in the inbox at once", within_s=_WITHIN_S)
    for number in trials.numbers():
        with fresh_system(tmp_path / "home", trials) as system:
            trial = case.trial(system, number)
            for count in (few, many) if trials.plan.full else (few,):
                drop_at_once(system, count)
                trial.over()
                cpu_before = cpu_s(scheduler(system))
                wait_until_recorded(system)
                costs[count] += cpu_s(scheduler(system)) - cpu_before
                wait_until_settled(system)
            case.judge(trial)
            peak_mb = peak_memory(scheduler(system).pid) / 2**20
            print(f"{number}: {peak_mb:.0f} MiB, CPU in seconds {costs}")  # noqa: T201 - closing note
    case.end()
    if trials.plan.full:
        assert costs[many] / many <= _DEAREST * costs[few] / few


def test_what_is_dropped_while_the_watcher_stands_still_is_found(trials: Trials, tmp_path: Path) -> None:
    case = trials.case("SIGSTOP of the watcher while many files are dropped", within_s=_WITHIN_S)
    for number in trials.numbers():
        with fresh_system(tmp_path / "home", trials) as system:
            trial = case.trial(system, number)
            drop_at_once(system, trial.random.randint(1, 1_000))
            trial.pause(1)
            with system.suspended("scheduler"):
                (folder := system.home.inbox / "meanwhile").mkdir()
                write(system, folder, 30_000 if trials.plan.full else 1_000)
            trial.over()
            wait_until_settled(system)
            scheduler(system)
            case.judge(trial)
    case.end()
