"""TensorFlow on a terminal."""

import os


def hush_tensorflow() -> None:
    """Have TensorFlow, which is not imported yet, say nothing below a warning on standard error."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
