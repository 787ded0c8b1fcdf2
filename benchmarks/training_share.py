"""(g) What is left to classification while a training run is active."""

import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.images import ImageSource
from benchmarks.latency import measure_latency
from benchmarks.system import BenchmarkFailed, RunningSystem, environment
from benchmarks.throughput import through_system
from training.phantoms.synthetic import write_images

_FILES, _ROUNDS = 600, 3
_IMAGES, _SEED = 160, 31
# More than the measurement needs: the run is cancelled afterwards.
_EPOCHS = 2000
_PATIENCE_S = 180.0


@dataclass(frozen=True)
class TrainingShare:
    """Throughput with a run active over that without; latency (ms) of single files with it active."""

    ratio: float
    latency_p99_ms: float


def measure_training_share(system: RunningSystem, source: ImageSource, scratch: Path) -> TrainingShare:
    """Throughput without, with, and again without a training run; the median of several rounds each."""
    _import_images(system, scratch / "labelled")
    before = _throughput(system, source, scratch)
    with _run_active(system):
        during = _throughput(system, source, scratch)
        _, slow = measure_latency(system, source)
    after = _throughput(system, source, scratch)
    return TrainingShare(during / statistics.mean((before, after)), slow)


def _throughput(system: RunningSystem, source: ImageSource, scratch: Path) -> float:
    return statistics.median(through_system(system, source.write(scratch, _FILES)) for _ in range(_ROUNDS))


def _import_images(system: RunningSystem, folder: Path) -> None:
    write_images(folder, _IMAGES, _SEED)
    _headct(system, "dataset", "import", str(folder))


@contextlib.contextmanager
def _run_active(system: RunningSystem) -> Iterator[None]:
    """A training run that has come as far as its first epoch; cancelled in the end."""
    _headct(system, "train", "--epochs", str(_EPOCHS), "--promote", "never")
    deadline = time.monotonic() + _PATIENCE_S
    while not system.count("SELECT count(*) FROM training_epoch"):
        if time.monotonic() > deadline:
            raise BenchmarkFailed("The training run did not begin; see training.log of the home.")
        time.sleep(1.0)
    yield
    run = system.count("SELECT max(id) FROM training_run")
    _headct(system, "runs", "cancel", str(run))
    while system.count("SELECT count(*) FROM training_run WHERE state = 'running'"):
        if time.monotonic() > deadline + _PATIENCE_S:
            raise BenchmarkFailed("The training run did not end when it was cancelled.")
        time.sleep(1.0)


def _headct(system: RunningSystem, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-I", "-m", "cli", *arguments],
        cwd=system.home.root,
        env=environment(system.home.root),
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
