"""What one writes in an hour instead of headct: a loop over files in one process a core.

No queue, no database, no check of what comes in, and no result that outlives the process. The network is
the usual tutorial's, of which training/plain_cnn.py has the figures; its weights are random, since only
the time counts. It takes 1.2 ms an image where decoding and resizing take 2.2, whatever the batch (1 to 64).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.bare import BareProcesses, Work
from training.quiet import load_tensorflow

_SIZE, _BATCH = 128, 16
_WIDTHS = 32, 64, 64
_WINDOW_LOW, _WINDOW_WIDTH = 0.0, 80.0  # HU: level 40, width 80


def plain_loop(processes: int) -> BareProcesses:
    """So many processes, each with one TensorFlow thread, warm."""
    return BareProcesses(_make, processes, _BATCH)


def read_scaled(path: Path) -> NDArray[np.float32]:
    """The picture squeezed to a square, (128, 128) in 0..1."""
    image = _windowed(path) if path.suffix == ".dcm" else Image.open(path).convert("L")
    small = image.resize((_SIZE, _SIZE), Image.Resampling.BILINEAR)
    return np.asarray(small, dtype=np.float32) / np.float32(255.0)


def _windowed(path: Path) -> Image.Image:
    """A CT slice in the brain window."""
    from pydicom import dcmread  # noqa: PLC0415 - as a script for DICOM would, before its loop

    dataset = dcmread(path)
    stored = dataset.pixel_array.astype(np.float32)
    hounsfield = stored * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    shown = np.clip((hounsfield - _WINDOW_LOW) * (255.0 / _WINDOW_WIDTH), 0.0, 255.0)
    return Image.fromarray(shown.astype(np.uint8))


def _make() -> Work:
    load_tensorflow()
    import keras  # noqa: PLC0415 - in the bare processes only
    import tensorflow as tf  # noqa: PLC0415
    from keras import layers  # noqa: PLC0415

    # One a process is fastest for a small network.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    network = keras.Sequential([keras.Input((_SIZE, _SIZE, 1))])
    for width in _WIDTHS:
        network.add(layers.Conv2D(width, 3, activation="relu"))
        network.add(layers.MaxPooling2D(2))
    for layer in (layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dense(1)):
        network.add(layer)

    shape = tf.TensorSpec([None, _SIZE, _SIZE, 1], tf.float32)
    forward = tf.function(lambda batch: network(batch, training=False), input_signature=[shape])

    def classify(paths: Sequence[Path]) -> NDArray[np.float32]:
        batch = np.stack([read_scaled(path) for path in paths])[..., None]
        return np.asarray(forward(batch))[:, 0]

    for size in range(1, _BATCH + 1):
        forward(np.zeros((size, _SIZE, _SIZE, 1), dtype=np.float32))
    return classify
