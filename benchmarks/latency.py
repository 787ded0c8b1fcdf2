"""(b) From a file's close to its committed row, one file at a time."""

import time

import numpy as np

from benchmarks.images import FileSource
from benchmarks.system import RunningSystem

_FILES = 200
# How often the database is looked at; the figures can be too high by as much, never too low.
_LOOK_S = 0.002


def measure_latency(system: RunningSystem, source: FileSource) -> tuple[float, float]:
    """50th and 99th percentile in ms."""
    seconds = []
    for number, data in enumerate(source.files(_FILES)):
        expected = system.finished() + 1
        with (system.home.inbox / f"single{number:03d}{source.suffix}").open("wb") as file:
            file.write(data)
        closed = time.perf_counter()
        system.wait_for(expected, _LOOK_S)
        seconds.append(time.perf_counter() - closed)
    middle, slow = np.percentile(seconds, (50, 99)) * 1000.0
    return float(middle), float(slow)
