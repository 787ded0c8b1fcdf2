"""Where the classify processes write what they count: each its own files in `health/metrics` of the home.

The scheduler adds them up. The processes come and go, and none of them listens on a port.
"""

import os
import socket
import sys
from pathlib import Path

from prometheus_client import mmap_dict, values

# As much as the library maps at first; what one process counts takes a tenth of it.
_ROOM = mmap_dict._INITIAL_MMAP_SIZE


class _AllocatedDict(mmap_dict.MmapedDict):
    """The library's file of values, whose blocks are on the disk before it is mapped.

    It makes a file with a hole. On a full disk the kernel ends whoever writes into one (SIGBUS, mmap(2)), and
    a process that ends by its metrics would cost its files an attempt. Without room they are counted in
    memory, where nobody reads them.
    """

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        if not read_mode and not _allocate(filename):
            self._memory = os.memfd_create("metrics", os.MFD_CLOEXEC)
            filename = f"/proc/self/fd/{self._memory}"
        super().__init__(filename, read_mode)  # type: ignore[no-untyped-call]


def _allocate(filename: str) -> bool:
    """Whether the file exists with room on its disk."""
    try:
        descriptor = os.open(filename, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return False
    try:
        os.posix_fallocate(descriptor, 0, _ROOM)
    except OSError:
        Path(filename).unlink()
        return False
    finally:
        os.close(descriptor)
    return True


def share_metrics(folder: Path) -> None:
    """Have this process and its children write what they count to that folder; before any metric is made.

    What earlier workers of this machine wrote is removed: counters begin at 0 with the worker.
    """
    machine = socket.gethostname()
    for old in folder.glob(f"*_{machine}-*.db"):
        old.unlink(missing_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    if sys.platform == "linux":  # which has memory files
        values.MmapedDict = _AllocatedDict  # type: ignore[attr-defined]
    # A process id alone is not enough: machines, and containers, share the folder.
    values.ValueClass = values.MultiProcessValue(lambda: f"{machine}-{os.getpid()}")  # type: ignore[no-untyped-call]
