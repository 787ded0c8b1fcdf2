"""Where the classify processes write what they count: each its own files in `health/metrics` of the home.

The scheduler adds them up. The processes come and go, and none of them listens on a port.
"""

import os
import socket
from pathlib import Path

from prometheus_client import values


def share_metrics(folder: Path) -> None:
    """Have this process and its children write what they count to that folder; before any metric is made.

    What earlier workers of this machine wrote is removed: counters begin at 0 with the worker.
    """
    machine = socket.gethostname()
    for old in folder.glob(f"*_{machine}-*.db"):
        old.unlink(missing_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    # A process id alone is not enough: machines, and containers, share the folder.
    values.ValueClass = values.MultiProcessValue(lambda: f"{machine}-{os.getpid()}")  # type: ignore[no-untyped-call]
