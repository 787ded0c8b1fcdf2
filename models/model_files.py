"""The files of a model version: read by their SHA-256, written whole or not at all."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from core.errors import ModelAltered, ModelNotFound, ModelUnusable


def read_verified(path: Path, sha256: str, name: str) -> bytes:
    """The bytes of a file that has this SHA-256.

    Parameters
    ----------
    name
        What it is, for errors.

    Raises
    ------
    ModelNotFound, ModelAltered
    ModelUnusable
        It cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ModelNotFound(f"Gone: the {name}. {path} does not exist. Restore the file.") from error
    except OSError as error:
        raise ModelUnusable(
            f"The {name} cannot be read: {path} ({error.strerror}). Mend its rights or restore it."
        ) from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ModelAltered(
            f"Not the registered one: the {name}, {path}. Its SHA-256 differs. "
            "Restore the file from a backup or a fresh clone."
        )
    return data


@contextlib.contextmanager
def private_copy(data: bytes, name: str) -> Iterator[Path]:
    """A file of that name with these bytes, for this process alone, for as long as the block."""
    with tempfile.TemporaryDirectory(prefix="headct-weights-") as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        yield path


def replace_file(path: Path, data: bytes) -> None:
    """Have the file hold these bytes, on disk: wholly, or as before."""
    partial = path.with_name(f".partial-{path.name}")
    try:
        partial.write_bytes(data)
        sync(partial)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(path: Path) -> None:
    """Bring a file or folder to disk (fsync(2))."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
