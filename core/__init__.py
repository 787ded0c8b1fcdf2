"""Settings, errors and logging: what every other package may use."""

import os

# TensorFlow reads it when it is first imported, which is never before this package. On processors without
# VNNI its oneDNN kernels are off by default; with them the network takes half as long (docs/benchmarks.md).
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
