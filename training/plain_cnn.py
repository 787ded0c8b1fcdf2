"""The known public recipe for this kind of data, to compare with: three convolutions on the whole image.

As in public notebooks on the Kaggle set "Head CT - hemorrhage": the image squeezed to a square, values
divided by 255, rotated and flipped at random (there by Keras' ImageDataGenerator); no head is cut out.
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray
from PIL import Image

from core.image_files import Limits
from images.decoding import decode
from training.dataset import Record, read_record

SIZE = 128
EPOCHS = 40
_BATCH = 16
_ROTATION = 20.0 / 360.0
_CHUNK = 32


def squeeze(records: Sequence[Record], limits: Limits) -> NDArray[np.float32]:
    """The whole images as squares; float32 (N, 128, 128, 1) in 0..1."""
    images = (decode(read_record(record, limits), limits.max_pixels) for record in records)
    small = [Image.fromarray(image).resize((SIZE, SIZE), Image.Resampling.BILINEAR) for image in images]
    return np.stack([np.asarray(image, dtype=np.float32) / np.float32(255.0) for image in small])[..., None]


def fit_plain(
    pixels: NDArray[np.float32], targets: NDArray[np.intp], *, epochs: int, seed: int
) -> keras.Model:
    """Train on squeezed images (N, 128, 128, 1); gives log-odds (N, 1)."""
    keras.utils.set_random_seed(seed)
    network = keras.Sequential(
        [
            keras.Input(pixels.shape[1:]),
            layers.RandomRotation(_ROTATION, fill_mode="nearest", seed=seed),
            layers.RandomFlip("horizontal", seed=seed),
            *(layer for width in (32, 64, 64) for layer in _convolution(width)),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.5, seed=seed),
            layers.Dense(1),
        ]
    )
    network.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    network.fit(pixels, targets.astype(np.float32), batch_size=_BATCH, epochs=epochs, verbose=0)
    return network


def plain_logits(network: keras.Model, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
    """Log-odds (N,) of squeezed images."""
    parts = [network(pixels[start : start + _CHUNK]) for start in range(0, len(pixels), _CHUNK)]
    return np.concatenate([np.asarray(part, dtype=np.float64)[:, 0] for part in parts])


def _convolution(width: int) -> tuple[layers.Layer, layers.Layer]:
    return layers.Conv2D(width, 3, activation="relu"), layers.MaxPooling2D(2)
