"""(k) `headct demo`, the second time: the whole process."""

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.system import environment


def measure_demo(folder: Path) -> float:
    """Seconds of the second of two runs; the first has the files of the packages in memory."""
    folder.mkdir()
    return [_seconds(folder) for _ in range(2)][-1]


def _seconds(folder: Path) -> float:
    command = [str(Path(sys.executable).with_name("headct")), "demo"]
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment(folder), check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
