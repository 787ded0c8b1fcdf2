"""Intake: file -> store -> row -> gone from the inbox, in this order.

A crash between any two steps loses nothing: until the commit the inbox still has the file, and what
is in the store without a row is written over when the file is taken again. It doubles nothing
either: a file that was recorded but not yet removed is known by its identity when it is seen again.
"""

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import ImageTooLarge
from core.home import Home
from core.settings import Settings
from core.store import SourceChangedError, SourceUnreadableError, keep, open_folder, open_regular, sync_folder
from db.arrivals import NewArrival, record_arrivals
from scheduler.room import Disks

VANISHED = "there is no such file"
CHANGED = "it changed while it was read, or is still open for writing"


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

    Files over `max_file_mb` are moved to `rejected` and recorded as such.
    """

    def __init__(self, settings: Settings, home: Home, engine: Engine) -> None:
        self._engine = engine
        self._home = home
        self._max_file_mb = settings.max_file_mb
        self._disks = Disks(settings, home)
        # Half of a file's time is its fsync: four wait side by side; more would cost more than they save.
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="intake")

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
        with _open_folders(candidates, self._home.inbox) as (folders, left):
            reachable = [candidate for candidate in candidates if candidate.path.parent in folders]
            keeping = [
                self._pool.submit(self._keep, candidate, folders[candidate.path.parent], remove=remove)
                for candidate in reachable
            ]
            wait(keeping)  # for all, also where one fails: they use the folders' descriptors
            kept = []
            for candidate, ended in zip(reachable, keeping, strict=True):
                one = ended.result()
                if isinstance(one, _Kept):
                    kept.append(one)
                else:
                    left[candidate.path] = one
            if not kept:
                return Taken({}, left)
            for folder in {one.folder for one in kept}:
                sync_folder(folder)
            with Session(self._engine) as session, session.begin():
                ids = record_arrivals(session, [one.arrival for one in kept])
            if remove:
                for one in kept:
                    if why := _remove(one.path.name, folders[one.path.parent], one.source):
                        left[one.path] = why
        return Taken({one.path: ids[one.arrival.sha256] for one in kept}, left)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    def _keep(self, candidate: Candidate, parent: int, *, remove: bool) -> "_Kept | str":
        """Put a file of this folder into the store; returns what to record, or why it is left for later."""
        try:
            descriptor = open_regular(candidate.path.name, parent)
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
        arrival = NewArrival(
            sha256=kept.sha256,
            size_bytes=kept.size_bytes,
            source_name=candidate.source_name,
            identity=_identity(candidate.source_name, kept.source, linked=kept.linked) if remove else None,
            refused=str(ImageTooLarge.file(self._max_file_mb)) if too_large else None,
        )
        return _Kept(candidate.path, folder, arrival, kept.source)


@dataclass(frozen=True)
class _Kept:
    """A file that stands in `folder`, what to record of it, and its status when that was settled."""

    path: Path
    folder: Path
    arrival: NewArrival
    source: os.stat_result


@contextlib.contextmanager
def _open_folders(
    candidates: Sequence[Candidate], inbox: Path
) -> Iterator[tuple[dict[Path, int], dict[Path, str]]]:
    """Descriptors of the folders that the files are in, and why other files cannot be reached.

    Below the inbox no link is followed to them; what is submitted by a path may be reached by links.
    """
    folders: dict[Path, int] = {}
    left: dict[Path, str] = {}
    try:
        for candidate in candidates:
            folder = candidate.path.parent
            try:
                if folder not in folders:
                    folders[folder] = open_folder(folder, inbox if folder.is_relative_to(inbox) else folder)
            except OSError as error:
                left[candidate.path] = _unreadable(error)
        yield folders, left
    finally:
        for descriptor in folders.values():
            os.close(descriptor)


def _unreadable(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return VANISHED
    reason = "links are not followed" if error.errno == errno.ELOOP else error.strerror or error
    return f"it cannot be read ({reason})"


def _identity(source_name: str, status: os.stat_result, *, linked: bool) -> str:
    """The same for the same name of the same file, unless it changed.

    A link to it changes its change time, so that its modification time has to do; as long as the link is
    there, no other file gets its inode.
    """
    moment = f"modified {status.st_mtime_ns}" if linked else f"changed {status.st_ctime_ns}"
    facts = f"{status.st_ino}:{moment}:{status.st_size}:{source_name}"
    return hashlib.sha256(facts.encode()).hexdigest()


def _remove(name: str, folder: int, recorded: os.stat_result) -> str | None:
    """Remove the file that was recorded, not one that has come to its place since; or say why it stays."""
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
