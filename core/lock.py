"""Locks that end with the process that holds them."""

import fcntl
import os
from pathlib import Path

from core.errors import AlreadyRunning, SettingsError


def is_held(path: Path) -> bool:
    """Whether a process holds that lock; no if it cannot be told."""
    try:
        with path.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def acquire(path: Path, what: str) -> int:
    """Lock a file in a home's `run` for the life of this process; returns its descriptor.

    Parameters
    ----------
    what
        Holds it, for who comes second, as in "`headct up`".

    Raises
    ------
    AlreadyRunning
    SettingsError
        The file system knows no locks.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        pid = path.read_text().strip()
        raise AlreadyRunning(
            f"{what} already runs on {path.parent.parent} (process {pid}). "
            "Stop that one, or set HEADCT_HOME to another folder."
        ) from error
    except OSError as error:
        os.close(descriptor)
        raise SettingsError(
            f"{path} cannot be locked ({error.strerror}). Put HEADCT_HOME on a file system that knows locks, "
            "or mount it so that it does."
        ) from error
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor
