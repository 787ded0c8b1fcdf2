"""(i) A classify child that replaces a killed one: from the kill to the result of its first image."""

import time
from pathlib import Path

from benchmarks.images import ImageSource
from benchmarks.processes import classify_children
from benchmarks.system import running_system

_KILLS = 5
_LOOK_S, _PAUSE_S = 0.005, 1.0


def measure_replaced_child(root: Path, source: ImageSource) -> list[float]:
    """Seconds, once for each kill.

    In a system of its own with one child: beside a second one that one would take the file.
    """
    seconds = []
    with running_system(root, next(source.files(1)), HEADCT_WORKER_PROCESSES="1") as system:
        system.wait_for(1, _LOOK_S)
        for number, data in enumerate(source.files(_KILLS)):
            time.sleep(_PAUSE_S)
            (child,) = classify_children(system)
            expected = system.finished() + 1
            began = time.perf_counter()
            child.kill()
            (system.home.inbox / f"killed{number}.png").write_bytes(data)
            system.wait_for(expected, _LOOK_S)
            seconds.append(time.perf_counter() - began)
        system.check_results()
    return seconds
