"""Intake: file -> store -> row -> gone from the inbox, in this order.

A crash between any two steps loses nothing: until the commit the inbox still has the file, and what
is in the store without a row is written over when the file is taken again. It doubles nothing
either: a file that was recorded but not yet removed is known by its identity when it is seen again.
"""

import errno
import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import ImageTooLarge
from core.home import Home
from core.store import SourceChangedError, SourceUnreadableError, keep, open_regular, sync_folder
from db.arrivals import NewArrival, record_arrivals

VANISHED = "there is no such file"
CHANGED = "it changed while it was read"


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
        # Half of a file's time is its fsync: four wait side by side; more would cost more than they save.
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="intake")

    def take(self, candidates: Sequence[Candidate], *, remove: bool) -> Taken:
        """Record these files in one transaction; then remove them from where they were, if `remove`.

        Raises
        ------
        OSError
            The store cannot be written, for example since the disk is full. Nothing was recorded.
        sqlalchemy.exc.OperationalError
            The database does not answer. Nothing was recorded, and every file is still there.
        """
        found = list(self._pool.map(lambda candidate: self._keep(candidate, remove=remove), candidates))
        kept = [one for one in found if isinstance(one, _Kept)]
        left = {file.path: why for file, why in zip(candidates, found, strict=True) if isinstance(why, str)}
        if not kept:
            return Taken({}, left)
        for folder in {one.folder for one in kept}:
            sync_folder(folder)
        with Session(self._engine) as session, session.begin():
            ids = record_arrivals(session, [one.arrival for one in kept])
        if remove:
            left |= {one.path: why for one in kept if (why := _remove(one.path, one.source))}
        return Taken({one.path: ids[one.arrival.sha256] for one in kept}, left)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    def _keep(self, candidate: Candidate, *, remove: bool) -> "_Kept | str":
        """Put one file into the store; returns what to record, or why it is left for later."""
        try:
            descriptor = open_regular(candidate.path)
        except FileNotFoundError:
            return VANISHED
        except OSError as error:
            reason = "links are not followed" if error.errno == errno.ELOOP else error.strerror or error
            return f"it cannot be read ({reason})"
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


def _identity(source_name: str, status: os.stat_result, *, linked: bool) -> str:
    """The same for the same name of the same file, unless it changed.

    A link to it changes its change time, so that its modification time has to do; as long as the link is
    there, no other file gets its inode.
    """
    moment = f"modified {status.st_mtime_ns}" if linked else f"changed {status.st_ctime_ns}"
    facts = f"{status.st_ino}:{moment}:{status.st_size}:{source_name}"
    return hashlib.sha256(facts.encode()).hexdigest()


def _remove(path: Path, recorded: os.stat_result) -> str | None:
    """Remove the file that was recorded, not one that has come to its place since; or say why it stays."""
    try:
        now = path.lstat()
        if (now.st_ino, now.st_size, now.st_mtime_ns) == (
            recorded.st_ino,
            recorded.st_size,
            recorded.st_mtime_ns,
        ):
            path.unlink()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"it is recorded but cannot be removed ({error.strerror})"
    return None
