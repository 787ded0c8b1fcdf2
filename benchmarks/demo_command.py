"""(k) `headct demo`, the second time: the whole process."""

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.system import BenchmarkFailed, environment


def measure_demo(folder: Path) -> float:
    """Seconds of the second of two runs; after the first the packages' files are in memory.

    Raises
    ------
    BenchmarkFailed
    """
    folder.mkdir()
    return [_seconds(folder) for _ in range(2)][-1]


def _seconds(folder: Path) -> float:
    command = [str(Path(sys.executable).with_name("headct")), "demo"]
    began = time.perf_counter()
    ran = subprocess.run(
        command, cwd=folder, env=environment(folder), check=False, capture_output=True, text=True
    )
    if ran.returncode:
        raise BenchmarkFailed(f"`headct demo` ended with {ran.returncode}.\n{ran.stderr}")
    return time.perf_counter() - began
