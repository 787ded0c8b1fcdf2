"""(c), (d) What the system's processes use: CPU while nothing happens, and memory after the load."""

import contextlib
import time
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]  # ships no types

from benchmarks.system import RunningSystem
from core.queues import INFERENCE_QUEUE, TRAINING_QUEUE

_SETTLE_S, _WATCH_S = 5.0, 30.0
CLASSIFY_CHILD = "classify child"
# By what only the command line of this part holds.
_NAMES = {
    "redis-server": "Redis",
    "services.supervisor": "supervisor",
    "flower": "Flower",
    "watch": "scheduler",
    INFERENCE_QUEUE: "classify",
    TRAINING_QUEUE: "training",
    "web": "web page",
}


@dataclass(frozen=True)
class Memory:
    """Resident memory of one process in MB (2^20 bytes), shared pages included."""

    name: str
    rss_mb: float


def measure_memory(system: RunningSystem) -> list[Memory]:
    """Every process of the system, the largest first."""
    found = [Memory(_name(one), one.memory_info().rss / 2**20) for one in system.processes()]
    return sorted(found, key=lambda memory: memory.rss_mb, reverse=True)


def classify_children(system: RunningSystem) -> list[psutil.Process]:
    """The processes that hold the network."""
    return [one for one in system.processes() if _name(one) == CLASSIFY_CHILD]


def measure_idle_cpu(system: RunningSystem) -> dict[str, float]:
    """User and system time of every process in percent of one core, by name, while nothing is to be done."""
    time.sleep(_SETTLE_S)
    began, before = time.perf_counter(), _cpu_seconds(system)
    time.sleep(_WATCH_S)
    after, elapsed = _cpu_seconds(system), time.perf_counter() - began
    used: dict[str, float] = {}
    for process, seconds in after.items():
        share = (seconds - before.get(process, 0.0)) / elapsed * 100.0
        used[_name(process)] = used.get(_name(process), 0.0) + share
    return used


def _cpu_seconds(system: RunningSystem) -> dict[psutil.Process, float]:
    seconds = {}
    for process in system.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds[process] = times.user + times.system
    return seconds


def _name(process: psutil.Process) -> str:
    """What a process is, by its command line, which a forked child has from its parent."""
    words = process.cmdline()
    forked = process.parent().cmdline() == words
    for word, name in _NAMES.items():
        if any(word in given for given in words):
            return f"{name} child" if forked else name
    return " ".join(words)
