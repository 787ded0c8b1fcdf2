"""Intake: file -> store -> row -> gone from the inbox, in this order.

A crash between any two steps loses nothing: until the commit the inbox still has the file, and a
copy in the store without a row is written over when the file is taken again. It doubles nothing
either: a file that was recorded but not yet removed is known by its identity when it is seen again.
"""

import contextlib
import errno
import hashlib
import io
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import ImageTooLarge
from core.home import Home
from db.arrivals import NewArrival, record_arrivals
from scheduler.inbox import open_regular

VANISHED = "there is no such file"
CHANGED = "it changed while it was read"

_BLOCK = 2**20
_TEMPORARY_PREFIX = ".incoming-"
# An unfinished copy this old has no process any more that would finish it.
_LEFTOVER_AGE_S = 3600


class _SourceError(Exception):
    """The file itself cannot be read, while the store may be well."""


@dataclass(frozen=True)
class Candidate:
    """A file to take in, and its name for people: below the inbox, or below the folder that was submitted."""

    path: Path
    name: Path

    @property
    def source_name(self) -> str:
        """The name as text that every database takes; bytes that are no UTF-8 are written as `\\xNN`."""
        return os.fsencode(self.name).decode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Taken:
    """What one round of intake did: scan ids by file, and why files are still where they were."""

    scan_ids: dict[Path, int]
    left: dict[Path, str]


class Intake:
    """Takes files into the store and the database.

    Parameters
    ----------
    max_file_mb
        Larger files (in MiB) are moved to `rejected` and recorded as such.
    """

    def __init__(self, engine: Engine, home: Home, max_file_mb: float) -> None:
        self._engine = engine
        self._home = home
        self._max_file_mb = max_file_mb
        # Most of a file's time is spent waiting for its fsync; several waits run side by side.
        self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="intake")

    def take(self, candidates: Sequence[Candidate], *, remove: bool) -> Taken:
        """Record these files in one transaction; then remove them from where they were, if `remove`.

        Raises
        ------
        OSError
            The store cannot be written, for example since the disk is full. Nothing was recorded.
        sqlalchemy.exc.OperationalError
            The database does not answer. Nothing was recorded, and every file is still there.
        """
        found = list(self._pool.map(lambda candidate: self._try_copy(candidate, remove=remove), candidates))
        arrivals = {c.path: a for c, a in zip(candidates, found, strict=True) if isinstance(a, NewArrival)}
        left = {c.path: a for c, a in zip(candidates, found, strict=True) if isinstance(a, str)}
        if not arrivals:
            return Taken({}, left)
        for folder in {self._home.rejected if a.refused else self._home.store for a in arrivals.values()}:
            _sync_folder(folder)
        with Session(self._engine) as session, session.begin():
            ids = record_arrivals(session, list(arrivals.values()))
        if remove:
            kept = self._pool.map(lambda path: _remove(path, arrivals[path]), arrivals)
            left |= {path: reason for path, reason in zip(arrivals, kept, strict=True) if reason}
        return Taken({path: ids[arrival.sha256] for path, arrival in arrivals.items()}, left)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    def _try_copy(self, candidate: Candidate, *, remove: bool) -> NewArrival | str:
        try:
            return self._copy(candidate, remove=remove)
        except _SourceError as error:
            return str(error)

    def _copy(self, candidate: Candidate, *, remove: bool) -> NewArrival | str:
        """Copy one file, hashing it on the way; returns what to record, or why it is left for later."""
        try:
            descriptor = open_regular(candidate.path)
        except FileNotFoundError:
            return VANISHED
        except OSError as error:
            reason = "links are not followed" if error.errno == errno.ELOOP else error.strerror or error
            return f"it cannot be read ({reason})"
        with os.fdopen(descriptor, "rb", buffering=0) as source:
            before = os.fstat(descriptor)
            too_large = before.st_size > self._max_file_mb * 2**20
            folder = self._home.rejected if too_large else self._home.store
            digest = hashlib.sha256()
            with _temporary(folder) as (target, name):
                read = 0
                while (block := _read(source)) and read <= before.st_size:
                    read += len(block)
                    digest.update(block)
                    if not too_large:
                        target.write(block)
                after = os.fstat(descriptor)
                if not before.st_size == after.st_size == read or before.st_mtime_ns != after.st_mtime_ns:
                    return CHANGED
                kept = folder / digest.hexdigest()
                if too_large:
                    _keep_large(descriptor, name, kept)
                    linked = os.fstat(descriptor)  # with a new change time, by the link
                    if (linked.st_size, linked.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                        return CHANGED
                    after = linked
                else:
                    target.flush()
                    os.fsync(target.fileno())
                    name.replace(kept)
        return NewArrival(
            sha256=digest.hexdigest(),
            size_bytes=after.st_size,
            source_name=candidate.source_name,
            identity=_identity(candidate.source_name, after) if remove else None,
            refused=str(ImageTooLarge.file(self._max_file_mb)) if too_large else None,
        )


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """A new file (mode 0600) to be renamed once it is whole; gone if it never is."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=_TEMPORARY_PREFIX, delete=False) as file:
        name = Path(file.name)
        try:
            yield file, name
        finally:
            name.unlink(missing_ok=True)


def _read(source: io.FileIO) -> bytes:
    try:
        return source.read(_BLOCK)
    except OSError as error:
        raise _SourceError(f"it cannot be read ({error.strerror})") from error


def _keep_large(descriptor: int, name: Path, kept: Path) -> None:
    """Give a large file a second name without copying it, where the file system can."""
    if kept.exists():
        return
    name.unlink()
    try:
        # By its descriptor, since another file may stand at its path by now.
        os.link(f"/proc/self/fd/{descriptor}", name, follow_symlinks=True)
    except OSError:
        os.lseek(descriptor, 0, os.SEEK_SET)
        with open(descriptor, "rb", closefd=False) as source, name.open("xb") as target:
            shutil.copyfileobj(source, target)
    name.replace(kept)


def _identity(source_name: str, status: os.stat_result) -> str:
    """The same for the same name of the same file, unless anything about it changed."""
    facts = f"{status.st_ino}:{status.st_ctime_ns}:{status.st_size}:{source_name}"
    return hashlib.sha256(facts.encode()).hexdigest()


def _remove(path: Path, recorded: NewArrival) -> str | None:
    """Remove the file that was recorded, not one that has come to its place since; or say why it stays."""
    try:
        if _identity(recorded.source_name, path.lstat()) == recorded.identity:
            path.unlink()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"it is recorded but cannot be removed ({error.strerror})"
    return None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(home: Home) -> None:
    """Remove the unfinished copies of a process that was killed; their files are still in the inbox."""
    for folder in (home.store, home.rejected):
        for path in folder.glob(f"{_TEMPORARY_PREFIX}*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _LEFTOVER_AGE_S:
                    path.unlink()
