"""(j) From `headct models promote` to the first result by the promoted version, while files arrive."""

import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks.images import ImageSource
from benchmarks.system import BenchmarkFailed, RunningSystem, environment
from models.store import ModelStore, shipped_model

_SWITCHES = 6
_EVERY_S, _LOOK_S = 0.1, 0.01
# By then every child serves the promoted version: it promises 5 s.
_SETTLE_S = 5.0
_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Switch:
    """Seconds to the first result by the promoted version, from the command's start and from its return.

    A result that was committed before the command returned counts as 0 s from its return.
    """

    from_start: float
    from_return: float


def measure_switch(system: RunningSystem, source: ImageSource) -> list[Switch]:
    """Switch to and fro between the shipped version and a copy of it under another name."""
    versions = itertools.cycle((_register_copy(system), shipped_model().card.version))
    arrivals = _arrivals(system, source)
    return [_switch(system, version, arrivals) for version in itertools.islice(versions, _SWITCHES)]


def _register_copy(system: RunningSystem) -> str:
    shipped = shipped_model()
    card = replace(shipped.card, version="copy-of-shipped")
    ModelStore(system.home.models).register(card, shipped.weights_path, shipped.graph_path.read_bytes())
    return card.version


def _arrivals(system: RunningSystem, source: ImageSource) -> Iterator[None]:
    """Each step drops the next file if its time has come; one file every 0.1 s."""
    due = time.perf_counter()
    for number in itertools.count():
        while time.perf_counter() < due:
            yield
        due = time.perf_counter() + _EVERY_S
        (system.home.inbox / f"steady{number:05d}.png").write_bytes(next(source.files(1)))


def _switch(system: RunningSystem, version: str, arrivals: Iterator[None]) -> Switch:
    last = system.count("SELECT max(id) FROM prediction")
    query = f"SELECT count(*) FROM prediction WHERE id > {last} AND model_version = '{version}'"  # noqa: S608
    began = time.perf_counter()
    command = subprocess.Popen(
        [sys.executable, "-I", "-m", "cli", "models", "promote", version],
        cwd=system.home.root,
        env=environment(system.home.root),
        stdout=subprocess.DEVNULL,
    )
    returned = first = None
    while returned is None or first is None:
        next(arrivals)
        if first is None and system.count(query):
            first = time.perf_counter()
        if returned is None and command.poll() is not None:
            returned = time.perf_counter()
        if command.returncode or time.perf_counter() - began > _PATIENCE_S:
            raise BenchmarkFailed(f"No result by {version}; `headct models promote`: {command.returncode}.")
        time.sleep(_LOOK_S)
    while time.perf_counter() < first + _SETTLE_S:
        next(arrivals)
        time.sleep(_LOOK_S)
    return Switch(first - began, max(0.0, first - returned))
