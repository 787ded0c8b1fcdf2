"""What one file may take of the process that decodes it: time and memory.

A decoder is C code that no exception interrupts, so the kernel enforces both. A file that takes too long ends
its process, which counts as an attempt (`db.lifecycle.claim`) until the file is quarantined; its neighbours
come back at once. One that takes too much memory is refused by the allocator, and rejected.
"""

import contextlib
import ctypes
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from core.settings import Settings

FILE_S = 5.0
"""Wall time of one file of `_USUAL_PIXELS` at most; docs/hostile-input.md has what files take."""
CHUNK_S = 20.0
"""Wall time of the files of one chunk; slow ones are done again one by one."""
_USUAL_PIXELS = 20_000_000
_BYTES_PER_PIXEL = 24
"""What decoding and preprocessing hold at once, at worst: of a PNG of RGBA in 16 bits; else 14 at most."""
_KEPT_LATER = 128 * 2**20
"""pydicom and decoders, which the first file that needs them brings, and what the allocator keeps: 50 MiB
after thousands of damaged files. With 64 MiB one of the largest images was refused after 130,000."""
_NEXT_NETWORK = 128 * 2**20
"""What the network of another version takes while it is loaded beside this one: 15 MiB, and room."""

_M_TRIM_THRESHOLD, _KEPT_FREE = -1, 32 * 2**20
_M_MMAP_THRESHOLD, _LARGE_BLOCK = -3, 4 * 2**20
"""Options of glibc's malloc: bytes that may lie free at the heap's end, and bytes from which on a block goes
back to the kernel when it is freed."""

FileLimit = Callable[[], AbstractContextManager[None]]


def file_limits(settings: Settings, *, file_s: float = FILE_S, chunk_s: float = CHUNK_S) -> FileLimit:
    """For one chunk: gives each file a block that must not take longer, or this process ends by SIGALRM."""
    scale = max(1.0, settings.max_pixels / _USUAL_PIXELS)
    chunk_ends = time.monotonic() + chunk_s * scale

    @contextlib.contextmanager
    def limited() -> Iterator[None]:
        left = max(0.001, chunk_ends - time.monotonic())
        signal.setitimer(signal.ITIMER_REAL, min(file_s * scale, left))
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)

    return limited


def limit_memory(settings: Settings) -> None:
    """Let this process, whose network is loaded, take as much more as the largest allowed file needs.

    Elsewhere than on Linux nothing is limited.
    """
    if sys.platform != "linux":
        return
    give_back_large_blocks()
    largest = int(settings.max_file_mb * 2**20) + _BYTES_PER_PIXEL * settings.max_pixels
    most = held() + _KEPT_LATER + max(largest, _NEXT_NETWORK)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def give_back_large_blocks() -> None:
    """Have this process return large blocks to the kernel once they are freed.

    Else glibc learns to keep blocks of up to 32 MiB, and what lies between them grows into the room. Without
    glibc nothing changes.
    """
    with contextlib.suppress(AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK)
        # One alone fixes the other at 128 KiB: each image's memory would be returned and asked for again.
        mallopt(_M_TRIM_THRESHOLD, _KEPT_FREE)


def held() -> int:
    """Bytes that this process has asked the kernel for, used or not; Linux only."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmData:"))
