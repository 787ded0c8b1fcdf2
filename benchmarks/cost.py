"""(h) Preprocessing and network of one image in a chunk, over decoding the same image, on one core."""

import multiprocessing
import os
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_CHUNK, _IMAGES, _ROUNDS = 16, 64, 7


def measure_cost(paths: list[Path]) -> tuple[float, float, float]:
    """Milliseconds an image of decoding, preprocessing and network: medians over several rounds.

    In a process of its own, bound to one core, as TensorFlow cannot run before a fork.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_measure, args=(theirs, paths[:_IMAGES]))
    process.start()
    decode, preprocess, network = ours.recv()
    process.join()
    return decode, preprocess, network


def _measure(answer: "Connection", paths: list[Path]) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from models.classifier import Classifier  # noqa: PLC0415 - brings TensorFlow: in this process only
    from models.decoding import decode  # noqa: PLC0415
    from models.preprocessing import preprocess  # noqa: PLC0415
    from models.store import shipped_model  # noqa: PLC0415

    stored = shipped_model()
    classifier = Classifier.load(stored)
    classifier.warm_up()
    contents = [path.read_bytes() for path in paths]
    rounds = []
    for _ in range(_ROUNDS):
        moments = [time.perf_counter()]
        images = [decode(content) for content in contents]
        moments.append(time.perf_counter())
        prepared = np.stack([preprocess(image, stored.card.preprocessing) for image in images])
        moments.append(time.perf_counter())
        for start in range(0, len(prepared), _CHUNK):
            classifier.score(prepared[start : start + _CHUNK])
        moments.append(time.perf_counter())
        rounds.append(np.diff(moments) * 1000.0 / len(paths))
    answer.send(tuple(statistics.median(part) for part in zip(*map(tuple, rounds), strict=True)))
