"""(h) Preprocessing and network of one image in a chunk, over Pillow's decoding of it, on one core."""

import io
import multiprocessing
import os
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from images.decoding import decode
from images.preprocessing import preprocess
from models.classifier import Classifier
from models.store import shipped_model

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


_CHUNK, _ROUNDS = 16, 7


class Cost(NamedTuple):
    """Milliseconds an image: of Pillow's decoding alone, and of each step of a worker."""

    pillow: float
    decoding: float
    preprocessing: float
    network: float


def measure_cost(paths: list[Path]) -> Cost:
    """Medians over several rounds.

    In a process of its own, bound to one core.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_measure, args=(theirs, paths))
    process.start()
    cost: Cost = ours.recv()
    process.join()
    return cost


def _measure(answer: "Connection", paths: list[Path]) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    classifier = Classifier.load(shipped_model())
    classifier.warm_up()
    contents = [path.read_bytes() for path in paths]
    rounds = [_round(classifier, contents) for _ in range(_ROUNDS)]
    answer.send(Cost(*(statistics.median(part) for part in zip(*map(tuple, rounds), strict=True))))


def _round(classifier: Classifier, contents: list[bytes]) -> NDArray[np.float64]:
    """Milliseconds an image of each step, taken in the order in which a worker takes them."""
    spent = np.zeros(4)
    for start in range(0, len(contents), _CHUNK):
        prepared = []
        for content in contents[start : start + _CHUNK]:
            moments = [time.perf_counter()]
            Image.open(io.BytesIO(content)).load()
            moments.append(time.perf_counter())
            image = decode(content)
            moments.append(time.perf_counter())
            prepared.append(preprocess(image, classifier.card.preprocessing))
            moments.append(time.perf_counter())
            spent[:3] += np.diff(moments)
        began = time.perf_counter()
        classifier.score(prepared)
        spent[3] += time.perf_counter() - began
    return spent * 1000.0 / len(contents)
