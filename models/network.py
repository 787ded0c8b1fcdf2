"""The network: a small residual CNN that looks at the head and at its left-right difference.

Built in code, so that loading a model never runs code from a file: only weights are read. It is what trains;
what classifies is the graph that `training.graph` makes of it.
"""

import keras
import numpy as np
from keras import layers, ops

from core.errors import ModelUnusable
from models.store import StoredModel, verified_weights

MAX_PARAMETERS = 1_000_000
HEAT = "heat"
"""Name of the layer that gives, per cell, the logit of a bleed being there."""
LEVEL = "level"
"""Name of the layer that gives the logit of the slice lying below the brain."""
SUMMARY = "summary"
"""Name of the layer that gives the mean features of the whole slice, which the guard looks at."""
GUARD = "guard"
"""Name of the layer that gives the distance from what the network has learnt."""
GUARD_AXES = 8
"""Directions of the features in which the guard measures."""


class Guard(layers.Layer):
    """How far an image lies from the brain slices that the network was trained on.

    The Mahalanobis distance within the few directions in which their features vary most (Lee et al. 2018,
    arXiv:1807.03888), as a root mean square, so that 1 is usual; the softplus of the level's
    logit is added. `training.guard` sets the weights; they are kept in the weights file, so that one SHA-256
    covers them.
    """

    def build(self, summary_shape: tuple[int | None, int], level_shape: tuple[int | None, int]) -> None:
        """Make the weights: the features' mean, and axes that scale each direction to unit deviation."""
        del level_shape
        features = summary_shape[-1]
        self.centre = self.add_weight(shape=(features,), initializer="zeros", trainable=False, name="centre")
        self.axes = self.add_weight(
            shape=(features, GUARD_AXES), initializer="zeros", trainable=False, name="axes"
        )

    def call(self, summary: keras.KerasTensor, level: keras.KerasTensor) -> keras.KerasTensor:
        """Distances, (N, 1), of summaries (N, features) and logits of the level (N, 1)."""
        along = ops.matmul(summary - self.centre, self.axes)
        usual = ops.sqrt(ops.mean(ops.square(along), axis=1, keepdims=True))
        return usual + ops.softplus(level)


def build_network(
    input_shape: tuple[int, int, int],
    widths: tuple[int, ...] = (16, 24, 64, 128),
    dropout: float = 0.3,
    *,
    turned: bool = True,
) -> keras.Model:
    """Build the network with random weights.

    Parameters
    ----------
    input_shape
        (height, width, 1) of what `images.preprocessing.preprocess` gives; multiples of 16.
    widths
        Channels at a half, a quarter, an eighth and a sixteenth of the input's resolution. Little is done
        at the first two, where a multiplication per weight costs most.
    dropout
        Fraction of the pooled features that is dropped in training.
    turned
        Whether a head is mirrored so that its brighter half is on the left. So a head and its mirror image
        get the same answer, for 0.1 ms, and blood is mostly to be looked for on one side.

    Returns
    -------
    keras.Model
        (N, height, width, 1) float32 to `{"logit": (N, 1), "distance": (N, 1)}` float32: the log-odds of a
        hemorrhage and the guard's distance, 0 or more.
    """
    inputs = keras.Input(input_shape)
    mirrored = _brighter_on_the_right(inputs)

    def turn(images: keras.KerasTensor) -> keras.KerasTensor:
        return ops.where(mirrored, _mirror(images), images) if turned else images

    image = turn(inputs)
    features = _convolution(image, widths[0], kernel=5, strides=2)
    features = _convolution(features, widths[1], strides=2)
    small = _quarter(image)
    difference = ops.subtract(small, _mirror(small))
    features = _residual(layers.Concatenate()([features, small, difference]), widths[1])
    features = _halve(features, dropout)
    features = _residual(features, widths[2], name="feature_map")
    heat = layers.Identity(name=HEAT)(turn(layers.Conv2D(1, 1)(features)))
    wide = _residual(_halve(features, dropout), widths[3])
    pooled = layers.Concatenate()(
        [
            layers.GlobalMaxPooling2D()(features),
            layers.GlobalAveragePooling2D()(wide),
            layers.GlobalMaxPooling2D()(wide),
            layers.GlobalMaxPooling2D()(heat),
        ]
    )
    logit = layers.Dense(1, name="logit")(layers.Dropout(dropout)(pooled))
    summary = layers.Concatenate(name=SUMMARY)(
        [layers.GlobalAveragePooling2D()(features), layers.GlobalAveragePooling2D()(wide)]
    )
    level = layers.Dense(1, name=LEVEL)(layers.Dropout(dropout)(summary))
    distance = Guard(name=GUARD)(summary, level)
    return keras.Model(inputs, {"logit": logit, "distance": distance}, name="headct")


def shift(network: keras.Model, offset: float) -> None:
    """Add a number to the log-odds of a hemorrhage."""
    kernel, bias = network.get_layer("logit").get_weights()
    network.get_layer("logit").set_weights([kernel, bias + offset])


def load_network(stored: StoredModel, *, turned: bool) -> keras.Model:
    """The network of a version with its weights, once their SHA-256 is the registered one.

    Parameters
    ----------
    turned
        See `build_network`; not so in versions of release 0.1.

    Raises
    ------
    ModelNotFound, ModelAltered
    ModelError
        The weights are those of another network.
    """
    network = build_network(stored.card.preprocessing.input_shape, turned=turned)
    try:
        with verified_weights(stored) as weights:
            network.load_weights(weights)
    except ValueError as error:
        raise ModelUnusable(
            f"Model {stored.card.version} was trained for another network than this release has. Train again."
        ) from error
    return network


def _brighter_on_the_right(images: keras.KerasTensor) -> keras.KerasTensor:
    """bool (N, 1, 1, 1): by what is brighter than the brain's median; blood counts as much as bone."""
    height, width = images.shape[1:3]
    # Without the last axis, whose length of 1 makes ONNX Runtime's loops over scalars slow.
    planes = ops.reshape(images, (-1, height, width))
    columns = ops.sum(ops.clip(planes, 0.0, 1.0), axis=1)
    left = np.where(np.arange(width) < width // 2, 1.0, -1.0).astype(np.float32)
    return ops.reshape(ops.sum(columns * left, axis=1), (-1, 1, 1, 1)) < 0.0


def _mirror(images: keras.KerasTensor) -> keras.KerasTensor:
    """Left and right exchanged, by index: ONNX Runtime reverses an axis with two transposes."""
    return ops.take(images, np.arange(images.shape[2])[::-1].copy(), axis=2)


def _quarter(images: keras.KerasTensor) -> keras.KerasTensor:
    """Means of 4 x 4 pixels; average pooling of a single channel takes three times as long."""
    height, width = images.shape[1] // 4, images.shape[2] // 4
    blocks = ops.reshape(images, (-1, height, 4, width, 4))
    return ops.expand_dims(ops.mean(blocks, axis=(2, 4)), axis=-1)


def _halve(features: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    return layers.SpatialDropout2D(dropout / 3.0)(layers.MaxPooling2D(2)(features))


def _residual(features: keras.KerasTensor, width: int, name: str | None = None) -> keras.KerasTensor:
    shortcut = features
    inner = _convolution(features, width)
    inner = layers.Conv2D(width, 3, padding="same", use_bias=False)(inner)
    inner = layers.BatchNormalization(momentum=0.9)(inner)
    if features.shape[-1] != width:
        shortcut = layers.Conv2D(width, 1, use_bias=False)(features)
    return layers.ReLU(name=name)(layers.Add()([shortcut, inner]))


def _convolution(
    features: keras.KerasTensor, width: int, kernel: int = 3, strides: int = 1
) -> keras.KerasTensor:
    features = layers.Conv2D(width, kernel, strides=strides, padding="same", use_bias=False)(features)
    features = layers.BatchNormalization(momentum=0.9)(features)
    return layers.ReLU()(features)
