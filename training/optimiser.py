"""One step of training: the losses of label, heat map and level, and the change of the weights."""

import keras
import tensorflow as tf

from models.network import HEAT, LEVEL
from training.batches import Batch
from training.hyperparameters import Hyperparameters


class Optimiser:
    """Trains a network for a number of steps that is known beforehand."""

    def __init__(self, network: keras.Model, steps: int, hyperparameters: Hyperparameters) -> None:
        hyper = hyperparameters
        self._network = keras.Model(
            network.input,
            [network.output["logit"], network.get_layer(HEAT).output, network.get_layer(LEVEL).output],
        )
        warm_up = max(1, int(steps * hyper.warm_up))
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, max(1, steps - warm_up), warmup_target=hyper.learning_rate, warmup_steps=warm_up
        )
        self._optimizer = keras.optimizers.AdamW(
            rate,
            weight_decay=hyper.weight_decay,
            clipnorm=1.0,
            use_ema=True,
            ema_momentum=hyper.average_momentum,
        )
        # Else the step is traced twice, which takes seconds.
        self._optimizer.build(self._network.trainable_variables)
        self._hyper = hyper
        self._step = tf.function(self._descend, autograph=False)

    def step(self, batch: Batch) -> float:
        """Change the weights by one batch; its loss (nats)."""
        return float(self._step({name: tf.constant(value) for name, value in vars(batch).items()}))

    def finish(self) -> None:
        """Give the network the running average of its weights."""
        self._optimizer.finalize_variable_values(self._network.trainable_variables)

    def _descend(self, batch: dict[str, tf.Tensor]) -> tf.Tensor:
        hyper, cross_entropy = self._hyper, tf.nn.sigmoid_cross_entropy_with_logits
        with tf.GradientTape() as tape:
            logit, heat, level = self._network(batch["pixels"], training=True)
            wanted = batch["targets"] * (1.0 - hyper.label_smoothing) + hyper.label_smoothing / 2.0
            loss = tf.reduce_mean(cross_entropy(wanted, logit[:, 0]))
            cells, blood = cross_entropy(batch["heat"], heat[..., 0]), batch["heat"]
            # Each kind of cell by its own mean: a small bleed has two cells of 400.
            heats = _mean_where(cells, 1.0 - blood) + _mean_where(cells, blood)
            loss += hyper.heat_weight * tf.reduce_mean(heats * batch["heat_known"])
            levels = cross_entropy(batch["off_brain"] * 0.98 + 0.01, level[:, 0])
            loss += hyper.level_weight * tf.reduce_mean(levels * batch["off_brain_known"])
        gradients = tape.gradient(loss, self._network.trainable_variables)
        self._optimizer.apply_gradients(zip(gradients, self._network.trainable_variables, strict=True))
        return loss


def _mean_where(cells: tf.Tensor, where: tf.Tensor) -> tf.Tensor:
    """(B,), the mean over the cells of an image that are 1 in `where`; 0 without any."""
    count = tf.maximum(tf.reduce_sum(where, axis=(1, 2)), 1.0)
    return tf.reduce_sum(cells * where, axis=(1, 2)) / count
