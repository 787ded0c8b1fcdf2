"""(a) Images a second through the whole system, beside the machine's limit."""

import os
import shutil
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.limit import BareLimit
from benchmarks.scans import ScanSource
from benchmarks.system import RunningSystem
from core.settings import Settings

_FILES, _WARM_FILES = 1000, 64
_LOOK_S = 0.05


@dataclass(frozen=True)
class Throughput:
    """Images a second of system and limit, and the first over the second."""

    system: float
    limit: float

    @property
    def ratio(self) -> float:
        """1.0 would be a system that costs nothing."""
        return self.system / self.limit


def measure_throughput(
    system: RunningSystem, source: ScanSource, scratch: Path, settings: Settings, rounds: int
) -> list[Throughput]:
    """Measure several times; the limit right before and right after the system each time, and their mean.

    `scratch` must be on the inbox's file system.
    """
    through_system(system, source.write(scratch, _WARM_FILES))
    measured = []
    with BareLimit(settings) as bare:
        for _ in range(rounds):
            paths = source.write(scratch, _FILES)
            copies = [Path(shutil.copy(path, scratch / f"{path.stem}.copy")) for path in paths]
            os.sync()  # or writing the files' own dirty pages falls into whichever part comes first
            before = bare.images_per_second(copies)
            through = through_system(system, paths)
            after = bare.images_per_second(copies)
            for copy in copies:
                copy.unlink()
            measured.append(Throughput(through, statistics.mean((before, after))))
    return measured


def through_system(system: RunningSystem, paths: list[Path]) -> float:
    """Images a second from the first file dropped to the last row committed."""
    expected = system.finished() + len(paths)
    began = time.perf_counter()
    system.drop(paths)
    system.wait_for(expected, _LOOK_S)
    return len(paths) / (time.perf_counter() - began)


def median_round(rounds: list[Throughput]) -> Throughput:
    """The round whose ratio is the median."""
    return sorted(rounds, key=lambda one: one.ratio)[len(rounds) // 2]
