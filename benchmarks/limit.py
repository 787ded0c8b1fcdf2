"""The machine's limit: the same decoding, preprocessing and network, without queue and database."""

import multiprocessing
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from core.cores import usable_cores
from core.settings import Settings
from training.quiet import load_tensorflow

_PATIENCE_S = 180


class BareLimit:
    """One bare process a core, each with a warm classifier; asleep except while it measures."""

    def __init__(self, settings: Settings) -> None:
        context = multiprocessing.get_context("spawn")  # TensorFlow does not outlive a fork
        cores = settings.worker_processes or usable_cores()
        # Processes take the next batch when they are ready for it, as workers do.
        self._next: Any = context.Value("q", 0)
        barrier = context.Barrier(cores + 1)
        self._ends: list[Connection] = []
        self._processes = []
        for _ in range(cores):
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(there, barrier, self._next, settings), daemon=True)
            process.start()
            self._ends.append(here)
            self._processes.append(process)
        barrier.wait(_PATIENCE_S)

    def images_per_second(self, paths: Sequence[Path]) -> float:
        """Classify these files; all processes together."""
        self._next.value = 0
        for end in self._ends:
            end.send(list(paths))
        spans: list[tuple[float, float]] = [end.recv() for end in self._ends]
        return len(paths) / (max(last for _, last in spans) - min(first for first, _ in spans))

    def __enter__(self) -> "BareLimit":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process, end in zip(self._processes, self._ends, strict=True):
            end.close()  # the process reads the end of its work and returns
            process.join()


def _serve(work: Connection, warm: Barrier, upcoming: Any, settings: Settings) -> None:  # noqa: ANN401 - ctypes
    load_tensorflow()
    from models.classifier import Classifier  # noqa: PLC0415 - brings TensorFlow: in the bare processes only
    from models.store import shipped_model  # noqa: PLC0415

    classifier = Classifier.load(shipped_model())  # as the measured system, whose home is new
    classifier.warm_up()
    warm.wait(_PATIENCE_S)
    while True:
        try:
            paths = work.recv()
        except EOFError:
            return
        began = time.perf_counter()  # CLOCK_MONOTONIC: the same for all processes
        while True:
            with upcoming.get_lock():
                start = upcoming.value
                upcoming.value += settings.chunk_size
            batch = paths[start : start + settings.chunk_size]
            if not batch:
                break
            images = [classifier.prepare(path.read_bytes(), settings.max_pixels) for path in batch]
            classifier.score(np.stack(images))
        work.send((began, time.perf_counter()))
