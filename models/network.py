"""The network: a small residual CNN that looks at the head and at its left-right difference.

Built in code, so that loading a model never runs code from a file: only weights are read.
"""

import keras
from keras import layers

MAX_PARAMETERS = 1_000_000
HEAT = "heat"
"""Name of the layer that gives, per cell of a coarse grid, the logit of a bleed being there."""


def build_network(
    input_shape: tuple[int, int, int], widths: tuple[int, ...] = (16, 48, 96), dropout: float = 0.3
) -> keras.Model:
    """Build the network with random weights.

    Parameters
    ----------
    input_shape
        (height, width, 1) of what `models.preprocessing.preprocess` gives.
    widths
        Channels of each stage; every stage but the last halves the resolution by max-pooling.
    dropout
        Fraction of the pooled features that is dropped in training.

    Returns
    -------
    keras.Model
        (N, height, width, 1) float32 to (N, 2) float32 probabilities, in the order of `models.card.CLASSES`.
    """
    inputs = keras.Input(input_shape)
    features = _convolution(inputs, widths[0], kernel=5, strides=2)
    for stage, width in enumerate(widths):
        if stage:
            features = layers.MaxPooling2D(2)(features)
            features = layers.SpatialDropout2D(dropout / 3.0)(features)
        if stage == 1:
            smooth = layers.AveragePooling2D(4)(inputs)
            mirrored = keras.ops.flip(smooth, axis=2)
            features = layers.Concatenate()([features, keras.ops.subtract(smooth, mirrored)])
        features = _residual(features, width)
    heat = layers.Conv2D(1, 1, name=HEAT)(features)
    pooled = layers.Concatenate()(
        [
            layers.GlobalAveragePooling2D()(features),
            layers.GlobalMaxPooling2D()(features),
            layers.GlobalMaxPooling2D()(heat),
        ]
    )
    pooled = layers.Dropout(dropout)(pooled)
    outputs = layers.Dense(2, activation="softmax", dtype="float32")(pooled)
    return keras.Model(inputs, outputs, name="headct")


def _residual(features: keras.KerasTensor, width: int) -> keras.KerasTensor:
    shortcut = features
    if features.shape[-1] != width:
        shortcut = layers.Conv2D(width, 1, use_bias=False)(features)
    inner = _convolution(features, width)
    inner = layers.Conv2D(width, 3, padding="same", use_bias=False)(inner)
    inner = layers.BatchNormalization(momentum=0.9)(inner)
    return layers.ReLU()(layers.Add()([shortcut, inner]))


def _convolution(
    features: keras.KerasTensor, width: int, kernel: int = 3, strides: int = 1
) -> keras.KerasTensor:
    features = layers.Conv2D(width, kernel, strides=strides, padding="same", use_bias=False)(features)
    features = layers.BatchNormalization(momentum=0.9)(features)
    return layers.ReLU()(features)
