"""Pretraining on synthetic images alone; `python -m training.pretraining` makes what every fit starts from.

No patient is in them, so that they give nothing away to any fold or test split.
"""

import argparse
import contextlib
import logging
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import islice, repeat
from pathlib import Path

import keras

from images.constants import Preprocessing
from models.network import build_network
from models.store import PRETRAINED, PRETRAINED_SHA256, verified_pretrained, weights_sha256
from training.batches import BatchMaker
from training.hyperparameters import SYNTHETIC_SHARES, Hyperparameters
from training.optimiser import Optimiser
from training.pool import Pool, draw_pool

POOL = 8000
POOL_SEEDS = (124_750, 124_751)
"""Of its halves, each drawn by a process of its own; far from those of the fits' pools."""
STEPS = 7500
LEARNING_RATE = 3e-3

logger = logging.getLogger(__name__)


def start_from_pretrained(network: keras.Model) -> None:
    """Give a new network the pretrained weights; one of another shape keeps its random ones.

    Raises
    ------
    ModelError
        The pretrained weights are not the registered ones.
    """
    pretrained = build_network(Preprocessing().input_shape)
    with verified_pretrained() as path:
        pretrained.load_weights(path)
    weights = pretrained.get_weights()
    if [weight.shape for weight in weights] == [weight.shape for weight in network.get_weights()]:
        network.set_weights(weights)


def pretrain(pool: Pool, steps: int, hyperparameters: Hyperparameters) -> keras.Model:
    """Train on synthetic images, with painted bleeds and changes as in every training."""
    keras.utils.set_random_seed(hyperparameters.seed)
    network = build_network(Preprocessing().input_shape, dropout=hyperparameters.dropout)
    maker = BatchMaker(None, pool, hyperparameters, SYNTHETIC_SHARES)
    optimiser = Optimiser(network, steps, hyperparameters)
    losses = []
    with contextlib.closing(maker.draw_ahead()) as batches:
        for step, batch in enumerate(islice(batches, steps), 1):
            losses.append(optimiser.step(batch))
            if step % 100 == 0:
                logger.info("step %d of %d: loss %.3f", step, steps, sum(losses[-100:]) / 100.0)
    optimiser.finish()
    return network


def draw_halves(count: int) -> Pool:
    """The pool, of so many slices from each of `POOL_SEEDS`."""
    spawn = multiprocessing.get_context("spawn")  # a fork of a process that ran TensorFlow hangs
    with ProcessPoolExecutor(len(POOL_SEEDS), spawn) as processes:
        halves = processes.map(draw_pool, repeat(count), POOL_SEEDS, repeat(Preprocessing()))
        return Pool.joined(list(halves))


def main() -> None:
    """Parse the command line and run; three quarters of an hour of two cores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, default=PRETRAINED)
    parser.add_argument("--images", type=int, default=POOL)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    pool = draw_halves(arguments.images // len(POOL_SEEDS))
    hyperparameters = replace(Hyperparameters(), learning_rate=LEARNING_RATE)
    pretrain(pool, arguments.steps, hyperparameters).save_weights(arguments.weights)
    written = f"{weights_sha256(arguments.weights)}  {arguments.weights.name}\n"
    arguments.weights.with_name(PRETRAINED_SHA256).write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
