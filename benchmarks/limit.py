"""The machine's limit: the same decoding, preprocessing and network, without queue and database."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.bare import BareProcesses, Work
from core.cores import usable_cores
from core.settings import Settings
from models.classifier import Classifier
from models.store import shipped_model


def bare_limit(settings: Settings) -> BareProcesses:
    """As many processes as there are classify children, each with a classifier, in the same chunks."""
    processes = settings.worker_processes or usable_cores()
    return BareProcesses(partial(_make, settings.max_pixels), processes, settings.chunk_size)


def _make(max_pixels: int) -> Work:
    classifier = Classifier.load(shipped_model())  # as the measured system, whose home is new
    classifier.warm_up()

    def classify(paths: Sequence[Path]) -> None:
        images = [classifier.prepare(path.read_bytes(), max_pixels) for path in paths]
        classifier.score(images)

    return classify
