"""(a) Images a second through the whole system, beside the machine's limit and the plain loop."""

import os
import shutil
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bare import BareProcesses
from benchmarks.images import FileSource
from benchmarks.medians import Figures, median_figure
from benchmarks.system import RunningSystem

_WARM_FILES = 64
_LOOK_S = 0.01


@dataclass(frozen=True)
class Round:
    """Images a second of the system, of its own bare limit and of the plain loop."""

    system: float
    limit: float
    plain_loop: float

    @property
    def ratio(self) -> float:
        """System over limit; 1.0 would be a system that costs nothing."""
        return self.system / self.limit

    @property
    def plain_loop_ratio(self) -> float:
        """System over plain loop; above 1.0 the system is the faster one."""
        return self.system / self.plain_loop


def measure_throughput(
    system: RunningSystem,
    source: FileSource,
    scratch: Path,
    loops: tuple[BareProcesses, BareProcesses],
    rounds: int,
    *,
    files: int = 1000,
) -> list[Round]:
    """Measure several times, `loops` (limit, plain loop) right before and right after the system each time.

    `files` are so many each time. `scratch` must be on the inbox's file system.
    """
    warm = source.write(scratch, _WARM_FILES)
    for loop in loops:
        loop.images_per_second(warm)
    through_system(system, warm)
    measured = []
    for _ in range(rounds):
        paths = source.write(scratch, files)
        copies = _copies(paths, scratch / "copies")
        os.sync()  # or writing the files' own dirty pages falls into whichever part comes first
        before = [loop.images_per_second(copies) for loop in loops]
        through = through_system(system, paths)
        after = [loop.images_per_second(copies) for loop in reversed(loops)]
        shutil.rmtree(scratch / "copies")
        measured.append(Round(through, *map(statistics.mean, zip(before, reversed(after), strict=True))))
    return measured


def through_system(system: RunningSystem, paths: list[Path]) -> float:
    """Images a second from the first file dropped to the last row committed."""
    expected = system.finished() + len(paths)
    began = time.perf_counter()
    system.drop(paths)
    system.wait_for(expected, _LOOK_S)
    return len(paths) / (time.perf_counter() - began)


def throughput_figures(rounds: Sequence[Round], prefix: str = "") -> Figures:
    """Medians over the rounds, each figure on its own."""
    return (
        median_figure(f"{prefix}throughput_ratio", [one.ratio for one in rounds])
        | median_figure(f"{prefix}plain_loop_ratio", [one.plain_loop_ratio for one in rounds])
        | median_figure(f"{prefix}images_per_second", [one.system for one in rounds])
        | median_figure(f"{prefix}limit_images_per_second", [one.limit for one in rounds])
        | median_figure(f"{prefix}plain_loop_images_per_second", [one.plain_loop for one in rounds])
    )


def _copies(paths: Sequence[Path], folder: Path) -> list[Path]:
    """Files of their own for the loops: the system takes the dropped ones away, by a link to each."""
    folder.mkdir()
    return [Path(shutil.copy(path, folder / path.name)) for path in paths]
