"""One bare process a core that takes files in batches: what the machine gives without queue and database."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from types import TracebackType
from typing import Any

Work = Callable[[Sequence[Path]], object]
"""Does one batch of files."""

_PATIENCE_S = 180


class BareProcesses:
    """Warm processes, asleep except while they measure.

    Parameters
    ----------
    make
        Called once in each process; gives what is to be done there, ready to work. A function that can be
        pickled.
    processes
        How many.
    batch
        Files that a process takes at once.
    """

    def __init__(self, make: Callable[[], Work], processes: int, batch: int) -> None:
        context = multiprocessing.get_context("spawn")  # TensorFlow does not outlive a fork
        # Processes take the next batch when they are ready for it, as workers do.
        self._next: Any = context.Value("q", 0)
        # Kept, since its shared memory would serve another one while a process still leaves it.
        self._warm = context.Barrier(processes + 1)
        self._ends: list[Connection] = []
        self._processes = []
        for _ in range(processes):
            here, there = context.Pipe()
            process = context.Process(
                target=_serve, args=(there, self._warm, self._next, make, batch), daemon=True
            )
            process.start()
            there.close()  # or the end of a process that died would not be read here
            self._ends.append(here)
            self._processes.append(process)
        self._warm.wait(_PATIENCE_S)

    def images_per_second(self, paths: Sequence[Path]) -> float:
        """Work through these files; all processes together."""
        self._next.value = 0
        for end in self._ends:
            end.send(list(paths))
        spans: list[tuple[float, float]] = [end.recv() for end in self._ends]
        return len(paths) / (max(last for _, last in spans) - min(first for first, _ in spans))

    def __enter__(self) -> "BareProcesses":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process, end in zip(self._processes, self._ends, strict=True):
            end.close()  # the process reads the end of its work and returns
            process.join()


def _serve(
    orders: Connection,
    warm: Barrier,
    upcoming: Any,  # noqa: ANN401 - ctypes
    make: Callable[[], Work],
    batch: int,
) -> None:
    try:
        work = make()
    except BaseException:
        warm.abort()
        raise
    warm.wait(_PATIENCE_S)
    while True:
        try:
            paths = orders.recv()
        except EOFError:
            return
        began = time.perf_counter()  # CLOCK_MONOTONIC: the same for all processes
        while True:
            with upcoming.get_lock():
                start = upcoming.value
                upcoming.value += batch
            taken = paths[start : start + batch]
            if not taken:
                break
            work(taken)
        orders.send((began, time.perf_counter()))
