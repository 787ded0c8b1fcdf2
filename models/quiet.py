"""Importing TensorFlow without its chatter."""

import os
import sys


def load_tensorflow() -> None:
    """Import TensorFlow, showing no more of what it says than warnings.

    While it is imported its C++ part writes a few lines straight to standard error, before it reads how much
    it is to say; an error of the import itself is an exception and is seen.
    """
    if "tensorflow" in sys.modules:  # other threads may log by now
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import tensorflow as tf  # noqa: F401, PLC0415 - here is what it is for
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
