"""Where in a head the network sees what speaks for a hemorrhage."""

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from models.constants import Preprocessing
from models.decoding import GreyImage
from models.head import find_head
from models.network import FEATURE_MAP, build_network
from models.store import StoredModel, verified_weights

Heat = NDArray[np.float32]


def load_network(stored: StoredModel) -> keras.Model:
    """The network of a version with its weights.

    Raises
    ------
    ModelNotFound, WeightsAltered
    """
    network = build_network(stored.card.preprocessing.input_shape)
    with verified_weights(stored) as weights:
        network.load_weights(weights)
    return network


def grad_cam(network: keras.Model, pixels: NDArray[np.float32]) -> Heat:
    """Heat map of one prepared image by Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391).

    The channels of the last feature map are added up, each weighted by how much the log-odds of a hemorrhage
    rise with it; only what speaks for a hemorrhage is kept.

    Parameters
    ----------
    pixels
        float32 (size, size, 1), see `models.preprocessing.preprocess`.

    Returns
    -------
    float32 (size, size) in 0..1
        Relative to the image's own greatest value: even the map of a normal head has its 1. All 0 where
        nothing speaks for a hemorrhage.
    """
    both = keras.Model(network.input, [network.get_layer(FEATURE_MAP).output, network.output["logit"]])
    with tf.GradientTape() as tape:
        features, logit = both(pixels[np.newaxis], training=False)
    weights = tf.reduce_mean(tape.gradient(logit, features), axis=(1, 2), keepdims=True)
    heat = tf.nn.relu(tf.reduce_sum(weights * features, axis=-1))[0].numpy()
    size = (pixels.shape[1], pixels.shape[0])
    smooth = np.asarray(Image.fromarray(heat).resize(size, Image.Resampling.BILINEAR), dtype=np.float32)
    return np.asarray(smooth / max(smooth.max(), np.finfo(np.float32).tiny))


def in_image(heat: Heat, image: GreyImage, constants: Preprocessing) -> Heat:
    """The heat map of a prepared image, laid over the image that it was prepared from.

    Parameters
    ----------
    heat
        float32 (size, size).
    image
        Grey (height, width), as `preprocess` took it.

    Returns
    -------
    float32 (height, width)
        0 outside the square that was cut out.
    """
    head, side = find_head(image, constants.max_tilt), constants.size
    # As in models.preprocessing, but at the image's own resolution.
    forth = head.affine(side, head.extent / (side * (1.0 - 2.0 * constants.margin)), 1)
    back = np.linalg.inv(np.vstack([np.reshape(forth, (2, 3)), (0.0, 0.0, 1.0)]))[:2]
    laid = Image.fromarray(heat).transform(
        (image.shape[1], image.shape[0]),
        Image.Transform.AFFINE,
        tuple(back.ravel()),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(laid, dtype=np.float32)
