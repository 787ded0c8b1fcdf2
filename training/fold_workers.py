"""Fits in processes of their own, one thread each, which two fits at a time use better than one."""

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass

from training.hyperparameters import Hyperparameters
from training.quiet import load_tensorflow
from training.recipes import Material, Prediction, Recipe, predict
from training.split import Indices


@dataclass(frozen=True)
class FoldJob:
    """One fit: the recipe, the images that it learns from, and those that it must not see."""

    recipe: Recipe
    repeat: int
    fold: int
    fitted: Indices
    held_out: Indices
    hyperparameters: Hyperparameters


def run_jobs(
    jobs: Sequence[FoldJob],
    material: Material,
    processes: int,
    on_done: Callable[[FoldJob, Prediction], None],
) -> None:
    """Run them all, `processes` at a time and here if that is one; Ctrl-C ends them at once."""
    if processes == 1:
        for job in jobs:
            on_done(job, _predict(job, material))
        return
    context = multiprocessing.get_context("spawn")  # a fork of a process that ran TensorFlow hangs
    with ProcessPoolExecutor(processes, context, _start, (material,)) as pool:
        futures = {pool.submit(_work, job): job for job in jobs}
        try:
            for future in as_completed(futures):
                on_done(futures[future], future.result())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
            raise


_material: Material | None = None


def _start(material: Material) -> None:
    global _material  # noqa: PLW0603 - a process of a pool can be handed nothing else once
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends this process
    load_tensorflow()  # slow, and SIGINT must be ignored by then
    import tensorflow as tf  # noqa: PLC0415 - brings it

    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    _material = material


def _work(job: FoldJob) -> Prediction:
    if _material is None:
        raise RuntimeError("_start() was not called in this process")
    return _predict(job, _material)


def _predict(job: FoldJob, material: Material) -> Prediction:
    return predict(job.recipe, material, job.fitted, job.held_out, job.hyperparameters)
