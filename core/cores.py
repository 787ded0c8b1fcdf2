"""How many cores this process may use."""

import os


def usable_cores() -> int:
    """Cores of the machine that are not withheld from this process (taskset, cpuset)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
