"""Fitting the network to batches."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.network import HEAT, build_network
from training.batches import BatchMaker, Images
from training.hyperparameters import Hyperparameters


@dataclass(frozen=True)
class Epoch:
    """Where a fit stands: the epoch just ended (from 1), of how many, and its mean loss (nats)."""

    number: int
    of: int
    loss: float


def fit(
    real: Images,
    synthetic: Images | None,
    hyperparameters: Hyperparameters,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> keras.Model:
    """Train a new network; the same for the same arguments on the same machine.

    Parameters
    ----------
    real
        Images that painted bleeds and labels come from; both classes.
    synthetic
        Images mixed in by `synthetic_share`, if any.
    on_epoch
        Called after each epoch; may raise to stop.
    """
    hyper = hyperparameters
    keras.utils.set_random_seed(hyper.seed)
    network = build_network(real.pixels.shape[1:], dropout=hyper.dropout)
    with_heat = keras.Model(network.input, [network.output, network.get_layer(HEAT).output])
    batches = BatchMaker(real, synthetic, hyper)
    steps = max(1, round(len(real.targets) / hyper.batch_size))
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
        if on_epoch is not None:
            on_epoch(Epoch(epoch + 1, hyper.epochs, float(np.mean(losses))))
    optimizer.finalize_variable_values(with_heat.trainable_variables)
    return network


def predict(network: keras.Model, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
    """P(hemorrhage) in 0..1, float64 (N,), of prepared images (N, size, size, 1)."""
    parts = [network(pixels[start : start + 32], training=False) for start in range(0, len(pixels), 32)]
    return np.concatenate([np.asarray(part, dtype=np.float64)[:, 1] for part in parts])


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
