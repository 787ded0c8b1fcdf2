"""Intake: file -> store -> row -> gone from the inbox, in this order.

A crash between any two steps loses nothing: until the commit the inbox still has the file, and what
is in the store without a row is written over when the file is taken again. It doubles nothing
either: a file that was recorded but not yet removed is known by its identity when it is seen again.
"""

import contextlib
import errno
import hashlib
import itertools
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import ImageTooLarge
from core.home import Home
from core.settings import Settings
from core.store import (
    Kept,
    SourceChangedError,
    SourceUnreadableError,
    keep,
    open_folder,
    open_regular,
    sync_folder,
)
from db.arrivals import NewArrival, record_arrivals
from scheduler.room import Disks

VANISHED = "there is no such file"
CHANGED = "it changed while it was read, or is still open for writing"

OWN_COPY = "it is headct's own copy, which is needed where it is; `headct retry` or `reclassify` its scan"

# Half of a file's time is its fsync: four wait side by side; more would cost more than they save.
_THREADS = 4

# The watcher's paths are text: objects of pathlib cost a quarter of a file's time.
StrPath: TypeAlias = str | Path


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file to take in, and its name for people: below the inbox, or below the folder that was submitted."""

    path: StrPath
    name: StrPath

    @property
    def source_name(self) -> str:
        """The name as text that every database takes; bytes that are no UTF-8 are written as `\\xNN`."""
        return os.fsencode(self.name).decode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Taken:
    """What one round of intake did: scan ids by file, and why files are still where they were."""

    scan_ids: dict[StrPath, int]
    left: dict[StrPath, str]


class Intake:
    """Takes files into the store and the database.

    Files over `max_file_mb` are moved to `rejected` and recorded as such.
    """

    def __init__(self, settings: Settings, home: Home, engine: Engine) -> None:
        self._engine = engine
        self._home = home
        self._max_file_mb = settings.max_file_mb
        self._disks = Disks(settings, home)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="intake")

    def take(self, candidates: Sequence[Candidate], *, remove: bool) -> Taken:
        """Record these files in one transaction; then remove them from where they were, if `remove`.

        Raises
        ------
        DiskNearlyFull
            A disk is below the low-water mark. Nothing was recorded.
        OSError
            The store cannot be written, for example since the disk is full. Nothing was recorded.
        sqlalchemy.exc.DBAPIError
            The database does not answer. Nothing was recorded, and every file is still there.
        """
        self._disks.check()
        with _open_folders(candidates, self._home) as (files, left):
            keeping = [
                self._pool.submit(self._keep_all, files[start::_THREADS], remove=remove)
                for start in range(min(_THREADS, len(files)))
            ]
            wait(keeping)  # for all, also where one fails: they use the folders' descriptors
            kept = []
            for file, one in itertools.chain.from_iterable(ended.result() for ended in keeping):
                if isinstance(one, _Kept):
                    kept.append(one)
                else:
                    left[file.candidate.path] = one
            if not kept:
                return Taken({}, left)
            for folder in {one.folder for one in kept}:
                sync_folder(folder)
            with Session(self._engine) as session, session.begin():
                ids = record_arrivals(session, [one.arrival for one in kept])
            if remove:
                for one in kept:
                    if why := _remove(one):
                        left[one.file.candidate.path] = why
        return Taken({one.file.candidate.path: ids[one.arrival.sha256] for one in kept}, left)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    def _keep_all(self, files: Sequence["_File"], *, remove: bool) -> list[tuple["_File", "_Kept | str"]]:
        return [(file, self._keep(file, remove=remove)) for file in files]

    def _keep(self, file: "_File", *, remove: bool) -> "_Kept | str":
        """Put one file into the store; returns what to record, or why it is left for later."""
        try:
            descriptor = open_regular(file.name, file.folder)
        except OSError as error:
            return _unreadable(error)
        try:
            too_large = os.fstat(descriptor).st_size > self._max_file_mb * 2**20
            folder = self._home.rejected if too_large else self._home.store
            kept = keep(descriptor, folder, link=remove)
        except SourceChangedError:
            return CHANGED
        except SourceUnreadableError as error:
            return str(error)
        finally:
            os.close(descriptor)
        source_name = file.candidate.source_name
        arrival = NewArrival(
            sha256=kept.sha256,
            size_bytes=kept.size_bytes,
            source_name=source_name,
            identity=_identity(source_name, kept) if remove else None,
            refused=str(ImageTooLarge.file(self._max_file_mb)) if too_large else None,
        )
        return _Kept(file, folder, arrival, kept.source)


@dataclass(frozen=True, slots=True)
class _File:
    """A candidate by its name in a folder, which is known by its descriptor."""

    candidate: Candidate
    folder: int
    name: str


@dataclass(frozen=True, slots=True)
class _Kept:
    """A file that stands in `folder`, what to record of it, and its status when that was settled."""

    file: _File
    folder: Path
    arrival: NewArrival
    source: os.stat_result


@contextlib.contextmanager
def _open_folders(
    candidates: Sequence[Candidate], home: Home
) -> Iterator[tuple[list[_File], dict[StrPath, str]]]:
    """The files by their open folders, and why others cannot be reached.

    Below the inbox no link is followed to them; what is submitted by a path may be reached by links.
    """
    folders: dict[str, int] = {}
    own: set[str] = set()
    files: list[_File] = []
    left: dict[StrPath, str] = {}
    try:
        for candidate in candidates:
            parent, name = os.path.split(candidate.path)
            try:
                if parent not in folders:
                    folder, inbox = Path(parent), home.inbox
                    folders[parent] = open_folder(folder, inbox if folder.is_relative_to(inbox) else folder)
                    if _is_one_of(folders[parent], (home.store, home.rejected, home.dataset)):
                        own.add(parent)
            except OSError as error:
                left[candidate.path] = _unreadable(error)
            else:
                if parent in own:
                    left[candidate.path] = OWN_COPY
                else:
                    files.append(_File(candidate, folders[parent], name))
        yield files, left
    finally:
        for descriptor in folders.values():
            os.close(descriptor)


def _is_one_of(folder: int, paths: Sequence[Path]) -> bool:
    status = os.fstat(folder)
    return any(path.exists() and os.path.samestat(status, path.stat()) for path in paths)


def _unreadable(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return VANISHED
    reason = "links are not followed" if error.errno == errno.ELOOP else error.strerror or error
    return f"it cannot be read ({reason})"


def _identity(source_name: str, kept: Kept) -> str:
    """The same for the same name of the same file, unless it changed.

    A link to it changes its change time, so that its modification time has to do.
    """
    status = kept.source
    moment = f"modified {status.st_mtime_ns}" if kept.linked else f"changed {status.st_ctime_ns}"
    facts = f"{kept.sha256}:{status.st_ino}:{moment}:{source_name}"
    return hashlib.sha256(facts.encode()).hexdigest()


def _remove(kept: _Kept) -> str | None:
    """Remove the file that was recorded, not one that has come to its place since; or say why it stays."""
    name, folder, recorded = kept.file.name, kept.file.folder, kept.source
    try:
        now = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if (now.st_ino, now.st_size, now.st_mtime_ns) == (
            recorded.st_ino,
            recorded.st_size,
            recorded.st_mtime_ns,
        ):
            os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"it is recorded but cannot be removed ({error.strerror})"
    return None
