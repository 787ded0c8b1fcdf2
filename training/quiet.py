"""Importing TensorFlow without its chatter, and without what Keras brings along for nothing."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

UNUSED = ("sklearn", "matplotlib")
"""Keras imports them where they are installed, for wrappers and pictures that nothing here uses.

They are a quarter of its import's time, and 75 MB of each process that trains.
"""


def load_tensorflow() -> None:
    """Import TensorFlow, and Keras with it, showing no more of what they say than warnings.

    While it is imported its C++ part writes a few lines straight to standard error, before it reads how much
    it is to say; an error of the import itself is an exception and is seen.
    """
    if "tensorflow" in sys.modules:  # other threads may log by now
        return
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        with _withheld(UNUSED):
            import tensorflow as tf  # noqa: F401, PLC0415 - here is what it is for
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def own_temporary_folder() -> Iterator[None]:
    """Within the block temporary files go to a folder that is removed after it.

    TensorFlow leaves files for its exit handlers, which a process that becomes another program does not run.
    """
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="headct-") as folder:
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = before


@contextmanager
def _withheld(packages: tuple[str, ...]) -> Iterator[None]:
    """Within the block they cannot be imported, as if they were not installed; those that are stay."""
    absent = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None stops an import (PEP 328)
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
