"""Fitting the network to batches."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import log_loss, roc_auc_score

from core.errors import TrainingDiverged
from models.constants import Preprocessing
from models.network import HEAT, build_network
from models.preprocessing import preprocess
from training.batches import BatchMaker, Images
from training.bleeds import Bleed
from training.hyperparameters import Hyperparameters
from training.synthetic import generate_scan

SYNTHETIC_SEEDS = 1_000_000
"""Seeds of training scans start here, so that the demo and the tests show others."""


@dataclass(frozen=True)
class Epoch:
    """Where a fit stands: the epoch just ended (from 1), of how many, and its mean loss (nats).

    The validation part's loss (nats) and AUC (0..1) are None where there is no such part, or one class of it.
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
    on_epoch: Callable[[Epoch], None] | None = None,
) -> keras.Model:
    """Train a new network; the same for the same arguments on the same machine.

    Parameters
    ----------
    train
        Images that painted bleeds and labels come from; both classes.
    validation
        Images whose loss and AUC each epoch is told with; they change nothing.
    on_epoch
        Called after each epoch; may raise to stop.

    Raises
    ------
    TrainingDiverged
        The loss is no number any more.
    """
    hyper = hyperparameters
    keras.utils.set_random_seed(hyper.seed)
    network = build_network(train.pixels.shape[1:], dropout=hyper.dropout)
    with_heat = keras.Model(network.input, [network.output, network.get_layer(HEAT).output])
    batches = BatchMaker(train, synthetic_images(hyper, Preprocessing()), hyper)
    steps = max(1, round(len(train.targets) / hyper.batch_size))
    total = steps * hyper.epochs
    warm_up = max(1, int(total * hyper.warm_up))
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, total - warm_up, warmup_target=hyper.learning_rate, warmup_steps=warm_up
    )
    optimizer = keras.optimizers.AdamW(
        rate,
        weight_decay=hyper.weight_decay,
        clipnorm=1.0,
        use_ema=True,
        ema_momentum=hyper.average_momentum,
    )
    optimizer.build(with_heat.trainable_variables)  # else the step is traced twice, which takes seconds
    step = _make_step(with_heat, optimizer, hyper)
    for epoch in range(hyper.epochs):
        losses = []
        for _ in range(steps):
            batch = batches.draw()
            losses.append(float(step(batch.pixels, batch.targets, batch.heat, batch.heat_known)))
        loss = float(np.mean(losses))
        if not np.isfinite(loss):
            raise TrainingDiverged(
                f"The loss of epoch {epoch + 1} is no number. Train again with another --seed."
            )
        if on_epoch is not None:
            on_epoch(Epoch(epoch + 1, hyper.epochs, loss, *_validate(network, validation)))
    optimizer.finalize_variable_values(with_heat.trainable_variables)
    return network


def _validate(network: keras.Model, validation: Images | None) -> tuple[float | None, float | None]:
    """Loss (nats) and AUC of the validation part, where it has both classes."""
    if validation is None or len(np.unique(validation.targets)) < 2:
        return None, None
    probabilities = expit(outputs(network, validation.pixels).logits)
    return (
        float(log_loss(validation.targets, probabilities)),
        float(roc_auc_score(validation.targets, probabilities)),
    )


def synthetic_images(hyperparameters: Hyperparameters, constants: Preprocessing) -> Images:
    """Prepared synthetic scans, half of them normal, every kind of bleed as often."""
    count = hyperparameters.synthetic_scans
    kinds = [list(Bleed)[i // 2 % len(Bleed)] if i % 2 else None for i in range(count)]
    first = SYNTHETIC_SEEDS + hyperparameters.seed * count
    pixels = [preprocess(generate_scan(first + i, kind).image, constants) for i, kind in enumerate(kinds)]
    return Images(
        np.stack(pixels),
        np.array([kind is not None for kind in kinds], dtype=np.intp),
        np.array([f"synthetic {i}" for i in range(count)]),
    )


def outputs(network: keras.Model, pixels: NDArray[np.float32]) -> Outputs:
    """What the network says of prepared images, float32 (N, size, size, 1)."""
    parts = [network(pixels[start : start + 32], training=False) for start in range(0, len(pixels), 32)]
    probabilities = np.concatenate([np.asarray(part, dtype=np.float64)[:, 1] for part in parts])
    clipped = np.clip(probabilities, 1e-7, 1.0 - 1e-7)
    return Outputs(np.log(clipped / (1.0 - clipped)), np.zeros(len(pixels)))


def _make_step(
    network: keras.Model, optimizer: keras.optimizers.Optimizer, hyper: Hyperparameters
) -> Callable[..., tf.Tensor]:
    smoothing = hyper.label_smoothing

    @tf.function(autograph=False)
    def step(pixels: tf.Tensor, targets: tf.Tensor, heat: tf.Tensor, heat_known: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            probabilities, heat_logits = network(pixels, training=True)
            wanted = targets * (1.0 - smoothing) + smoothing / 2.0
            logs = tf.math.log(tf.clip_by_value(probabilities, 1e-7, 1.0))
            loss = -tf.reduce_mean(wanted * logs[:, 1] + (1.0 - wanted) * logs[:, 0])
            cells = tf.nn.sigmoid_cross_entropy_with_logits(heat, heat_logits[..., 0])
            cells = tf.reduce_mean(cells * (1.0 + 3.0 * heat), axis=(1, 2))
            loss += hyper.heat_weight * tf.reduce_mean(cells * heat_known)
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return loss

    compiled: Callable[..., tf.Tensor] = step
    return compiled
