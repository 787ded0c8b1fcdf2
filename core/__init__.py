"""Settings, errors and logging: what every other package may use."""

import os

LIBRARIES = {
    # A folder that holds no `keras.json` and takes none: one of another program would change what it does.
    "KERAS_HOME": os.devnull,
    "KERAS_BACKEND": "tensorflow",
    # On processors without VNNI its oneDNN kernels are off by default; with them the network takes half as
    # long (docs/benchmarks.md).
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "MATPLOTLIBRC": os.devnull,
}
"""What libraries are told by the environment, which they read when they are first imported: never before this
package."""
os.environ.update(LIBRARIES)
