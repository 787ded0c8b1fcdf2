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
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import ImageTooLarge, StoreUnavailable
from core.home import Home
from core.settings import Settings
from core.store import (
    Kept,
    SourceChangedError,
    SourceUnreadableError,
    holds_anything,
    keep,
    open_folder,
    open_regular,
    opened_folder,
)
from db.arrivals import NewArrival, record_arrivals
from db.queries import has_stored_scans
from scheduler.inbox import SET_ASIDE
from scheduler.room import Disks

VANISHED = "there is no such file"
CHANGED = "it changed while it was read, or is still open for writing"

TOO_LARGE = "it is larger than HEADCT_MAX_FILE_MB, and than 4 GiB or the room there is; move it elsewhere"
OWN_COPY = "it is headct's own copy, which is needed where it is; `headct retry` or `reclassify` its scan"

STORE_AWAY = "The store is empty, but the database has scans: mount its disk, or bring it back from a backup"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

# What is larger than any image is not even hashed, which would hold up all others.
_LARGEST_READ = 4 * 2**30

# A folder with files that were set aside and not removed, this old (in seconds), has no process any more that
# would put them back.
_LEFTOVER_AGE_S = 10
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

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

    Files over `max_file_mb` are moved to `rejected` and recorded as such; where that would take room which is
    not there, or they are `never_read`, they are left.
    """

    def __init__(self, settings: Settings, home: Home, engine: Engine) -> None:
        self._engine = engine
        self._home = home
        self._settings = settings
        self._disks = Disks(settings, home)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="intake")

    def take(self, candidates: Sequence[Candidate], *, remove: bool) -> Taken:
        """Record these files in one transaction; then remove them from where they were, if `remove`.

        Raises
        ------
        DiskNearlyFull
            A disk is below the low-water mark. Nothing was recorded.
        StoreUnavailable
            The store's disk is away. Nothing was recorded.
        OSError
            The store cannot be written, for example since the disk is full. Nothing was recorded.
        sqlalchemy.exc.DBAPIError
            The database does not answer. Nothing was recorded, and every file is still there.
        """
        self._disks.check()
        with _open_folders(candidates, self._home) as (files, left), self._open_stores() as stores:
            keeping = [
                self._pool.submit(self._keep_all, files[start::_THREADS], stores, remove=remove)
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
            for store in {one.store for one in kept}:
                os.fsync(store)
            with Session(self._engine) as session, session.begin():
                ids = record_arrivals(session, [one.arrival for one in kept])
            if remove:
                left.update(_remove(kept))
        return Taken({one.file.candidate.path: ids[one.arrival.sha256] for one in kept}, left)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    @contextlib.contextmanager
    def _open_stores(self) -> Iterator["_Stores"]:
        """Both by their descriptors: a batch that begins on their disk does not end on a bare mount point."""
        with contextlib.ExitStack() as opened:
            try:
                store, rejected = (
                    opened.enter_context(opened_folder(folder))
                    for folder in (self._home.store, self._home.rejected)
                )
            except OSError as error:
                raise StoreUnavailable(
                    f"{error.filename} cannot be opened ({error.strerror}). Mount its disk, or bring it back "
                    "from a backup."
                ) from error
            if not holds_anything(store):
                with Session(self._engine) as session:
                    if has_stored_scans(session):
                        raise StoreUnavailable(STORE_AWAY)
            yield _Stores(store, rejected)

    def _keep_all(
        self, files: Sequence["_File"], stores: "_Stores", *, remove: bool
    ) -> list[tuple["_File", "_Kept | str"]]:
        return [(file, self._keep(file, stores, remove=remove)) for file in files]

    def _keep(self, file: "_File", stores: "_Stores", *, remove: bool) -> "_Kept | str":
        """Put one file into the store; returns what to record, or why it is left for later."""
        try:
            descriptor = open_regular(file.name, file.folder)
        except OSError as error:
            return _unreadable(error)
        size, settings = os.fstat(descriptor).st_size, self._settings
        too_large = size > settings.max_file_mb * 2**20
        store = stores.rejected if too_large else stores.store
        try:
            if never_read(size, settings):
                return TOO_LARGE
            kept = keep(descriptor, store, link=remove, min_free=settings.min_free_mb * 2**20)
        except SourceChangedError:
            return CHANGED
        except SourceUnreadableError as error:
            return str(error)
        except OSError as error:
            if too_large and error.errno in _NO_ROOM:
                return TOO_LARGE
            raise
        finally:
            os.close(descriptor)
        arrival = NewArrival(
            sha256=kept.sha256,
            size_bytes=kept.size_bytes,
            source_name=file.candidate.source_name,
            identity=_identity(os.fsencode(file.candidate.name), kept) if remove else None,
            refused=ImageTooLarge.file(settings.max_file_mb).reason if too_large else None,
        )
        return _Kept(file, store, arrival, kept.source)


def never_read(size_bytes: int, settings: Settings) -> bool:
    """Whether a file of that size is left in the inbox, since reading it would take too long."""
    return size_bytes > max(_LARGEST_READ, settings.max_file_mb * 2**20)


@dataclass(frozen=True, slots=True)
class _Stores:
    """Descriptors of the folders of accepted files, and of those that are too large."""

    store: int
    rejected: int


@dataclass(frozen=True, slots=True)
class _File:
    """A candidate by its name in a folder, which is known by its descriptor."""

    candidate: Candidate
    folder: int
    name: str


@dataclass(frozen=True, slots=True)
class _Kept:
    """A file that stands in `store`, what to record of it, and its status when that was settled."""

    file: _File
    store: int
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


def _identity(name: bytes, kept: Kept) -> str:
    """The same for the same name of the same file, unless it changed.

    A link to it, or setting it aside, changes its change time: it counts only where nothing better is known.
    The name is in bytes: two may have one text for people, as the byte 255 and the four of `\\xff` have.
    """
    status = kept.source
    if kept.linked or kept.generation:
        moment = f"modified {status.st_mtime_ns}:{kept.generation}"
    else:
        moment = f"changed {status.st_ctime_ns}"
    facts = f"{kept.sha256}:{status.st_ino}:{moment}:".encode() + name
    return hashlib.sha256(facts).hexdigest()


def _remove(kept: Sequence[_Kept]) -> dict[StrPath, str]:
    """Remove the files that were recorded; returns which cannot be, and why.

    Each is set aside first, and looked at again: another one may have come to its place since, and stays.
    """
    left: dict[StrPath, str] = {}
    for folder, files in itertools.groupby(sorted(kept, key=_folder_of), _folder_of):
        with contextlib.ExitStack() as opened:
            aside: int | OSError
            try:
                aside = opened.enter_context(_set_aside(folder))
            except OSError as error:
                aside = error
            for one in files:
                if why := _remove_by(aside, one):
                    left[one.file.candidate.path] = why
    return left


def _folder_of(kept: _Kept) -> int:
    return kept.file.folder


def _remove_by(aside: int | OSError, kept: _Kept) -> str | None:
    name, recorded = kept.file.name, kept.source
    try:
        if isinstance(aside, OSError):
            raise aside
        os.rename(name, name, src_dir_fd=kept.file.folder, dst_dir_fd=aside)
        now = os.stat(name, dir_fd=aside, follow_symlinks=False)
        if (now.st_ino, now.st_size, now.st_mtime_ns) == (
            recorded.st_ino,
            recorded.st_size,
            recorded.st_mtime_ns,
        ):
            os.unlink(name, dir_fd=aside)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"it is recorded but cannot be removed ({error.strerror})"
    return None


@contextlib.contextmanager
def _set_aside(folder: int) -> Iterator[int]:
    """A new folder in that folder, for names that nobody else uses; what is left in it is put back."""
    name = f"{SET_ASIDE}{uuid.uuid4().hex}"
    os.mkdir(name, 0o700, dir_fd=folder)
    try:
        aside = os.open(name, _FOLDER, dir_fd=folder)
        try:
            yield aside
            _put_back(aside, folder)
        finally:
            os.close(aside)
    finally:
        with contextlib.suppress(OSError):  # not empty: it is put back later
            os.rmdir(name, dir_fd=folder)


def put_back_leftovers(path: str) -> None:
    """Put back what an intake that was killed had set aside there, not one that is at work."""
    parent, name = os.path.split(path)
    with contextlib.suppress(OSError), opened_folder(Path(parent)) as folder:
        aside = os.open(name, _FOLDER, dir_fd=folder)
        try:
            if time.time() - os.fstat(aside).st_ctime < _LEFTOVER_AGE_S:
                return
            _put_back(aside, folder)
        finally:
            os.close(aside)
        os.rmdir(name, dir_fd=folder)


def _put_back(aside: int, folder: int) -> None:
    """Without taking the place of a file that came meanwhile: then this one waits until that is taken."""
    for name in os.listdir(aside):
        if name.startswith(".nfs"):  # NFS: a removed file that a program still has open
            continue
        with contextlib.suppress(OSError):
            try:
                os.link(name, name, src_dir_fd=aside, dst_dir_fd=folder, follow_symlinks=False)
                os.unlink(name, dir_fd=aside)
            except FileExistsError:
                continue
            except OSError:  # a folder, or a file system without links
                if name not in os.listdir(folder):
                    os.rename(name, name, src_dir_fd=aside, dst_dir_fd=folder)
