"""Stores: the bytes of a file under their SHA-256, on disk before any row speaks of them."""

import contextlib
import errno
import fcntl
import hashlib
import os
import signal
import stat
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_BLOCK = 2**20
_UNFINISHED = ".incoming-"


class SourceUnreadableError(Exception):
    """The file itself cannot be read, while the store may be well."""


class SourceChangedError(Exception):
    """The file changed while it was read, or is still open for writing."""


class Stored(NamedTuple):
    """A file that stands in the store, and the status of its source when it was read."""

    sha256: str
    size_bytes: int
    source: os.stat_result


def open_regular(path: str | Path, folder: int | None = None) -> int:
    """A file descriptor for reading; never of a link, and never waiting on a FIFO or device.

    With the descriptor of a folder, `path` is a name in it.

    Raises
    ------
    OSError
        It vanished, may not be read, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("not a regular file")  # without its name: this reaches log lines
    return descriptor


def open_folder(folder: Path, top: Path) -> int:
    """A file descriptor of a folder that no link below `top` leads to.

    Whoever may write there could put a link in a folder's place after it was looked at.

    Raises
    ------
    OSError
        It vanished, may not be read, or is no folder any more.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    descriptor = os.open(top, flags)
    for name in folder.relative_to(top).parts:
        try:
            below = os.open(name, flags | os.O_NOFOLLOW, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = below
    return descriptor


def is_being_written(descriptor: int) -> bool:
    """Whether some process has this file open for writing; no, where the system does not tell.

    It tells (fcntl(2), leases) of this user's own files (root: of all), and not of those on a network mount.
    """
    try:
        # Who opens the file for writing meanwhile is noticed by a signal: one that does nothing by default.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def holds_anything(store: int | Path) -> bool:
    """Whether the store, or its descriptor, can be listed and has a file.

    A mount point without its disk is an empty folder.
    """
    try:
        with os.scandir(store) as entries:
            return next(entries, None) is not None
    except OSError:
        return False


def store_file(source: int, store: int, *, link: bool, min_free: int = 0) -> Stored:
    """Put an open regular file into the store; whole, or not at all.

    Parameters
    ----------
    source
        Its file descriptor, at the beginning.
    store
        Descriptor of the folder: `store`, `rejected` or `dataset` of the home.
    link
        Whether a second name for the same bytes will do, which costs no copy; where the file systems do
        not allow it, or the source has further names, the bytes are copied. What the source's writer may
        still do is noticed by the hash.
    min_free
        Bytes that a copy has to leave free.

    Raises
    ------
    SourceUnreadableError, SourceChangedError
    OSError
        The store cannot be written, for example since the disk is full (ENOSPC: or would be).
    """
    before = os.fstat(source)
    name = f"{_UNFINISHED}{uuid.uuid4().hex}"
    try:
        # Who has another name for it could change it for ever: such a file is copied.
        linked = link and before.st_nlink == 1 and _link(source, name, store)
        target = None if linked else _open_copy(name, store, before.st_size + min_free)
        try:
            sha256, size = _read_through(source, target, before.st_size)
            os.fsync(source if target is None else target)
        finally:
            if target is not None:
                os.close(target)
        after = os.fstat(source)
    except BaseException:
        _discard(name, store)
        raise
    if not before.st_size == after.st_size == size or before.st_mtime_ns != after.st_mtime_ns:
        _discard(name, store)
        raise SourceChangedError
    os.rename(name, sha256, src_dir_fd=store, dst_dir_fd=store)
    return Stored(sha256, size, after)


def store_bytes(data: bytes, store: int, *, min_free: int = 0) -> str:
    """Put bytes into the store, whole or not at all; returns their SHA-256.

    Raises
    ------
    OSError
        As `store_file`.
    """
    name = f"{_UNFINISHED}{uuid.uuid4().hex}"
    sha256 = hashlib.sha256(data).hexdigest()
    target = _open_copy(name, store, len(data) + min_free)
    try:
        try:
            _write(target, data)
            os.fsync(target)
        finally:
            os.close(target)
        os.rename(name, sha256, src_dir_fd=store, dst_dir_fd=store)
    except BaseException:
        _discard(name, store)
        raise
    return sha256


def _discard(name: str, store: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=store)


def _open_copy(name: str, store: int, needed: int) -> int:
    """A new file to be written to, if so many bytes are free."""
    disk = os.fstatvfs(store)
    if disk.f_bavail * disk.f_frsize < needed:
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)} for a copy of a file")
    return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=store)


def _link(source: int, name: str, folder: int) -> bool:
    try:
        # By its descriptor, since another file may stand at its path by now. Only with a folder's descriptor
        # does Python call linkat(2), which follows the link that /proc shows.
        os.link(f"/proc/self/fd/{source}", name, dst_dir_fd=folder, follow_symlinks=True)
    except OSError:
        return False
    return True


def _read_through(source: int, target: int | None, expected: int) -> tuple[str, int]:
    """SHA-256 and size of the source, copied to `target` if there is one; stops where it has grown."""
    digest, size = hashlib.sha256(), 0
    while size <= expected:
        try:
            block = os.read(source, min(_BLOCK, expected - size + 1))
        except OSError as error:
            raise SourceUnreadableError(f"it cannot be read ({error.strerror})") from error
        if not block:
            break
        digest.update(block)
        size += len(block)
        if target is not None:
            _write(target, block)
    return digest.hexdigest(), size


def _write(target: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(target, left) :]


@contextlib.contextmanager
def opened_folder(folder: Path) -> Iterator[int]:
    """The descriptor of a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def remove_leftovers(*folders: Path, older_than_s: float = 3600.0) -> None:
    """Remove the unfinished names of a process that was killed; their files are still where they were.

    One older than that has no process any more that would finish it.
    """
    for folder in folders:
        for path in folder.glob(f"{_UNFINISHED}*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.lstat().st_ctime > older_than_s:
                    path.unlink()
