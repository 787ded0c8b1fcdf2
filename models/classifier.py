"""A loaded model version: from bytes to the log-odds of a hemorrhage and the guard's distance."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from core.errors import ModelError
from models.card import Decision, ModelCard
from models.decoding import DEFAULT_MAX_PIXELS, decode
from models.network import build_network
from models.preprocessing import preprocess
from models.store import StoredModel, verified_weights

Forward = Callable[[NDArray[np.float32]], tuple[tf.Tensor, tf.Tensor]]
"""Prepared images (N, size, size, 1) to log-odds and distances, (N, 1) each."""

_WARM_BATCH_SIZES = range(1, 17)


@dataclass(frozen=True)
class Scores:
    """The network's output for N images.

    Attributes
    ----------
    logits
        float64 (N,), log-odds of a hemorrhage, not calibrated.
    distances
        float64 (N,), how far each image is from what the network has learnt; 0 is typical.
    """

    logits: NDArray[np.float64]
    distances: NDArray[np.float64]


class Classifier:
    """A network in memory. Make it after the fork: TensorFlow hangs in the child of a process that ran it."""

    def __init__(self, card: ModelCard, forward: Forward) -> None:
        self.card = card
        self._forward = forward

    @classmethod
    def load(cls, stored: StoredModel, threads: int = 1) -> "Classifier":
        """Build the network and load its weights, once their SHA-256 is the registered one.

        Parameters
        ----------
        stored
            As the model store gives it.
        threads
            Threads of TensorFlow in this process; one a process is fastest for a small CNN.

        Raises
        ------
        ModelNotFound, WeightsAltered
        ModelError
            The weights are those of another network.
        """
        with suppress(RuntimeError):  # TensorFlow already ran here, with the threads it was given then
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        shape = stored.card.preprocessing.input_shape
        network = build_network(shape)
        try:
            with verified_weights(stored) as weights:
                network.load_weights(weights)
        except ValueError as error:
            raise ModelError(
                f"Model {stored.card.version} was trained for another network than this release has. "
                "Train it again (`headct train`), or go back: `headct models rollback`."
            ) from error
        return cls(stored.card, _frozen(network))

    def warm_up(self) -> None:
        """Run every batch size up to 16 once, so that the first scans are not slow."""
        for size in _WARM_BATCH_SIZES:
            self.score(np.zeros((size, *self.card.preprocessing.input_shape), dtype=np.float32))

    def prepare(self, data: bytes, max_pixels: int = DEFAULT_MAX_PIXELS) -> NDArray[np.float32]:
        """Decode and preprocess one file; float32 (size, size, 1).

        Raises
        ------
        RejectedImage
            With the reason as its message.
        """
        return preprocess(decode(data, max_pixels), self.card.preprocessing)

    def score(self, batch: NDArray[np.float32]) -> Scores:
        """What the network says of prepared images, float32 (N, size, size, 1)."""
        logits, distances = (np.asarray(said, dtype=np.float64)[:, 0] for said in self._forward(batch))
        return Scores(logits, distances)

    def decide(self, logit: float, distance: float) -> Decision:
        """Probability and label by the version's operating point."""
        return self.card.operating_point.decide(logit, distance)


def _frozen(network: keras.Model) -> Forward:
    """The network as a graph of constants, in which TensorFlow folds batch norms into the convolutions."""
    shape = network.input.shape[1:]

    @tf.function(input_signature=[tf.TensorSpec([None, *shape], tf.float32)])
    def forward(batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        said = network(batch, training=False)
        return said["logit"], said["distance"]

    graph = convert_variables_to_constants_v2(forward.get_concrete_function())
    compiled: Forward = lambda batch: graph(tf.constant(batch))  # noqa: E731 - names the type
    return compiled
