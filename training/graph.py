"""The serving graph of a network: the same function as ONNX, which ONNX Runtime runs without TensorFlow."""

import logging
import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from core.errors import GraphDisagrees
from models.network import HEAT
from models.serving import OUTPUTS, load_session

TOLERANCE = 1e-4
"""Greatest difference, in log-odds or units of distance, between what graph and network say of an image."""


def make_graph(network: keras.Model, pixels: NDArray[np.float32], version: str) -> bytes:
    """The serving graph of a network, once it says the same of these images as the network itself.

    Parameters
    ----------
    pixels
        Prepared images, float32 (N, size, size, 1).
    version
        Name for errors.

    Returns
    -------
    bytes
        An ONNX model with the outputs of `models.serving.OUTPUTS`.

    Raises
    ------
    GraphDisagrees
    """
    logging.getLogger("tf2onnx").setLevel(logging.WARNING)  # it tells of every step
    served = _served(network)
    served(pixels[:1], training=False)  # Keras exports what has been called
    with tempfile.TemporaryDirectory(prefix="headct-graph-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # Keras looks whether NumPy still has an old name
        path = Path(folder) / "graph.onnx"
        served.export(path, format="onnx", verbose=False)
        graph = path.read_bytes()
    check_agreement(graph, network, pixels, version)
    return graph


def check_agreement(graph: bytes, network: keras.Model, pixels: NDArray[np.float32], version: str) -> None:
    """Whether the graph says of every image what the network says.

    Raises
    ------
    GraphDisagrees
    """
    session, served = load_session(graph, version), _served(network)
    name = session.get_inputs()[0].name
    for image in pixels[:, np.newaxis]:
        wanted = served(image, training=False)
        said = session.run(list(OUTPUTS), {name: image})
        for output, values in zip(OUTPUTS, said, strict=True):
            difference = float(np.abs(values - np.asarray(wanted[output])).max())
            if not difference <= TOLERANCE:  # NaN too
                raise GraphDisagrees(
                    f"The serving graph of model {version} differs from its network by {difference:.2g} in "
                    f"{output}, where {TOLERANCE:g} is allowed. It was not registered. The versions of "
                    "Keras, tf2onnx and ONNX Runtime do not fit together: install those of the lock file."
                )


def _served(network: keras.Model) -> keras.Model:
    return keras.Model(network.input, {**network.output, "heat": network.get_layer(HEAT).output})
