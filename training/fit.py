"""Fitting the network to batches."""

import contextlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import log_loss, roc_auc_score

from core.errors import TrainingDiverged
from images.constants import Preprocessing
from models.network import GUARD, SUMMARY, build_network
from training import guard
from training.batches import BatchMaker, Images
from training.hyperparameters import Hyperparameters
from training.optimiser import Optimiser
from training.pool import LEAST_POOL, draw_pool
from training.pretraining import start_from_pretrained

_CHUNK = 32


@dataclass(frozen=True)
class Epoch:
    """Where a fit stands: the epoch just ended (from 1), of how many, and its mean loss (nats).

    Loss (nats) and AUC (0..1) of the validation split are None where there is none, or one class of it.
    """

    number: int
    of: int
    loss: float
    validation_loss: float | None = None
    validation_auc: float | None = None


@dataclass(frozen=True)
class Outputs:
    """What a network says of N images: log-odds of a hemorrhage, and distances from what it has learnt.

    Both are float64 (N,); the log-odds are not calibrated.
    """

    logits: NDArray[np.float64]
    distances: NDArray[np.float64]


def fit(
    train: Images,
    hyperparameters: Hyperparameters,
    *,
    validation: Images | None = None,
    on_step: Callable[[], None] = lambda: None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> keras.Model:
    """Train a new network, from the pretrained weights; the same for the same arguments on the same machine.

    Parameters
    ----------
    train
        Images that painted bleeds and labels come from; both classes.
    validation
        Images whose loss and AUC each epoch is told with; they change nothing.
    on_step, on_epoch
        Called before each slice that is drawn and after each batch; after each epoch. May raise to stop.

    Raises
    ------
    TrainingDiverged
        The loss is no number any more.
    """
    hyper = hyperparameters
    keras.utils.set_random_seed(hyper.seed)
    network = build_network(train.pixels.shape[1:], dropout=hyper.dropout)
    start_from_pretrained(network)
    steps = max(1, round(len(train.targets) / hyper.batch_size))
    epochs = hyper.epochs_of(steps)
    # About a fifth of what is shown is drawn: a short fit has no use for a large pool.
    wanted = max(steps * epochs * hyper.batch_size // 4, LEAST_POOL)
    pool = draw_pool(min(hyper.synthetic_images, wanted), hyper.seed, Preprocessing(), on_step)
    maker = BatchMaker(train, pool, hyper, hyper.shares)
    optimiser = Optimiser(network, steps * epochs, hyper)
    with contextlib.closing(maker.draw_ahead()) as batches:
        for epoch in range(epochs):
            losses = []
            for batch in itertools.islice(batches, steps):
                losses.append(optimiser.step(batch))
                on_step()
            loss = float(np.mean(losses))
            if not np.isfinite(loss):
                raise TrainingDiverged(
                    f"The loss of epoch {epoch + 1} is no number. Train again with another --seed."
                )
            if on_epoch is not None:
                on_epoch(Epoch(epoch + 1, epochs, loss, *_validate(network, validation)))
    optimiser.finish()
    _fit_guard(network, train, hyper.seed)
    return network


def outputs(network: keras.Model, pixels: NDArray[np.float32]) -> Outputs:
    """What the network says of prepared images, float32 (N, size, size, 1)."""
    said = [network(chunk, training=False) for chunk in _chunks(pixels)]
    logits, distances = (
        np.concatenate([np.asarray(part[name], dtype=np.float64)[:, 0] for part in said])
        for name in ("logit", "distance")
    )
    return Outputs(logits, distances)


def domain_limit(network: keras.Model, train: Images, validation: Images | None) -> float:
    """The greatest distance that gets a label; aims at letting 97 % of unseen brain slices pass."""
    of_variants = outputs(network, guard.variants(train, seed=0)).distances
    of_validation = None if validation is None else outputs(network, validation.pixels).distances
    return guard.limit(of_variants, of_validation)


def _fit_guard(network: keras.Model, train: Images, seed: int) -> None:
    summary = keras.Model(network.input, network.get_layer(SUMMARY).output)
    said = [np.asarray(summary(chunk, training=False)) for chunk in _chunks(guard.variants(train, seed))]
    network.get_layer(GUARD).set_weights(guard.fit_axes(np.concatenate(said).astype(np.float64)))


def _chunks(pixels: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return [pixels[start : start + _CHUNK] for start in range(0, len(pixels), _CHUNK)]


def _validate(network: keras.Model, validation: Images | None) -> tuple[float | None, float | None]:
    """Loss (nats) and AUC of the validation split, where it has both classes."""
    if validation is None or len(np.unique(validation.targets)) < 2:
        return None, None
    logits = outputs(network, validation.pixels).logits
    return (
        float(log_loss(validation.targets, expit(logits))),
        float(roc_auc_score(validation.targets, logits)),
    )
