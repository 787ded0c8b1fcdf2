"""Intake: file -> claim (`scheduler.claims`) -> store -> row -> gone, in this order.

A crash between any two steps loses nothing: until its row is committed a file is in the inbox or in a claim,
and what is in the store without a row is written over when the file is taken again. It doubles nothing
either: what was recorded and not yet removed is found in its claim, and has the same key.
"""

import contextlib
import errno
import itertools
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.archive_start import START, archive_kind
from core.errors import ImageTooLarge, StoreUnavailable
from core.home import Home
from core.settings import Settings
from core.store import (
    SourceChangedError,
    SourceUnreadableError,
    Stored,
    holds_anything,
    is_being_written,
    open_folder,
    open_regular,
    opened_folder,
    store_file,
)
from db.arrivals import NewArrival, known_identities, record_arrivals
from db.queries import has_stored_files
from scheduler.asked import NOTHING, Asked, asked_by
from scheduler.claims import (
    CLAIMS,
    InboxFile,
    StrPath,
    files_of,
    identity_of,
    move_into,
    new_claim,
    remove_folders,
)
from scheduler.room import Disks
from scheduler.stat_tag import HEADER, stat_rule

VANISHED = "there is no such file"
CHANGED = "it changed while it was read, or is still open for writing"

TOO_LARGE = "it is larger than HEADCT_MAX_FILE_MB, and than 4 GiB or the room there is; move it elsewhere"
OWN_COPY = "it is headct's own copy, which is needed where it is; `headct retry` or `reclassify` its file"

RECORDED = "it is recorded but cannot be moved or removed; give this user the right to, or remove it"

STORE_AWAY = "The store is empty, but the database has files: mount its disk, or bring it back from a backup"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

# What is larger than any image is not even hashed, which would hold up all others.
_LARGEST_READ = 4 * 2**30

# Half of a file's time is its fsync: four wait side by side; more would cost more than they save.
_THREADS = 4


class Taken(NamedTuple):
    """What one round of intake did: file ids by path, and why files were not taken."""

    file_ids: dict[StrPath, int]
    left: dict[StrPath, str]


class Intake:
    """Takes files into the store and the database.

    Files over `max_file_mb` go to `rejected` and are recorded as such; where that would take room which is
    not there, or they are `never_read`, they are left.

    Attributes
    ----------
    looks_for_claims
        Whether the next `take` begins with what is in claims: an earlier intake was killed, or failed.
    """

    def __init__(self, settings: Settings, home: Home, engine: Engine) -> None:
        self.looks_for_claims = True
        self._engine = engine
        self._home = home
        self._claims = home.inbox / CLAIMS
        self._settings = settings
        self._disks = Disks(settings, home)
        self._is_stat = stat_rule(settings.stat)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="intake")

    def take(self, files: Sequence[InboxFile]) -> Taken:
        """Claim these files of the inbox, record them in one transaction, remove them.

        Raises
        ------
        DiskNearlyFull
            A disk is below the low-water mark.
        StoreUnavailable
            The store's disk is away.
        InboxUnusable
            Nothing can be claimed.
        OSError
            The store cannot be written, for example since the disk is full.
        sqlalchemy.exc.DBAPIError
            The database does not answer.

        Then each file is still in the inbox or in a claim, and the next call goes on.
        """
        taken = Taken({}, {})
        self._disks.check()
        with self._open_stores() as stores:
            if self.looks_for_claims:
                for claim in self._left_claims():
                    self._record(files_of(claim, self._home.inbox), stores, taken, remove=True)
                    remove_folders(claim)
            self.looks_for_claims = True  # until this is done
            with self._opened(files, taken, remove=True) as opened:
                if new := self._unknown(opened, taken):
                    claim = new_claim(self._claims)
                    claimed, failed = move_into(claim, new)
                    taken.left.update({file.path: _unreadable(error, "moved") for file, error in failed})
                    self._record(claimed, stores, taken, remove=True)
                    remove_folders(claim)
            self.looks_for_claims = False
        return taken

    def submit(self, files: Sequence[InboxFile], *, remove: bool, asked: Asked = NOTHING) -> Taken:
        """Record files from anywhere, which stay where they are; then remove them, if `remove`.

        Parameters
        ----------
        asked
            Of all of them; of files of the inbox their folder tells.

        Raises
        ------
        DiskNearlyFull, StoreUnavailable, OSError, sqlalchemy.exc.DBAPIError
            As `take`. Nothing was recorded, and every file is where it was.
        """
        taken = Taken({}, {})
        self._disks.check()
        with self._open_stores() as stores, self._opened(files, taken, remove=remove) as opened:
            # Nobody looks at them again, so no identity is needed, and a link will do.
            submitted = [file._replace(identity=None) for file in opened]
            self._record(submitted, stores, taken, remove=remove, asked=asked)
        return taken

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
                    if has_stored_files(session):
                        raise StoreUnavailable(STORE_AWAY)
            yield _Stores(store, rejected)

    @contextlib.contextmanager
    def _opened(self, files: Sequence[InboxFile], taken: Taken, *, remove: bool) -> Iterator[list[InboxFile]]:
        """Those that can be taken, by their open folders.

        Below the inbox no link is followed to them; what is submitted by a path may be reached by links.
        """
        folders: dict[str, int] = {}
        own: set[str] = set()
        found: list[InboxFile] = []
        home = self._home
        try:
            for file in files:
                parent, name = os.path.split(file.path)
                try:
                    if parent not in folders:
                        folder = Path(parent)
                        top = home.inbox if folder.is_relative_to(home.inbox) else folder
                        folders[parent] = open_folder(folder, top)
                        if _is_one_of(folders[parent], (home.store, home.rejected, home.dataset)):
                            own.add(parent)
                    if parent in own:
                        taken.left[file.path] = OWN_COPY
                    else:
                        found.append(self._looked_at(file, name, folders[parent], remove=remove))
                except SourceChangedError:
                    taken.left[file.path] = CHANGED
                except OSError as error:
                    taken.left[file.path] = TOO_LARGE if error.errno == errno.EFBIG else _unreadable(error)
            yield found
        finally:
            for descriptor in folders.values():
                os.close(descriptor)

    def _looked_at(self, file: InboxFile, name: str, folder: int, *, remove: bool) -> InboxFile:
        """A file of that open folder, which can be taken.

        Raises
        ------
        SourceChangedError
            Somebody writes it.
        OSError
            It vanished, may not be read, or is no regular file. EFBIG: it is `never_read`.
        """
        descriptor = open_regular(name, folder)
        try:
            if remove and is_being_written(descriptor):
                raise SourceChangedError
            status = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        if never_read(status.st_size, self._settings):
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        return InboxFile(file.path, file.name, name, folder, identity=identity_of(file.name, status))

    def _left_claims(self) -> list[Path]:
        return sorted(self._claims.iterdir()) if self._claims.is_dir() else []

    def _unknown(self, files: Sequence[InboxFile], taken: Taken) -> list[InboxFile]:
        """Those that were not recorded where they are; of the others as many as can be are removed."""
        if not files:
            return []
        with Session(self._engine) as session:
            known = known_identities(session, [file.identity for file in files if file.identity])
        for file in files:
            if file.identity in known:
                try:
                    os.unlink(file.place, dir_fd=file.folder)
                except OSError:
                    taken.left[file.path] = RECORDED
        return [file for file in files if file.identity not in known]

    def _record(
        self,
        files: Sequence[InboxFile],
        stores: "_Stores",
        taken: Taken,
        *,
        remove: bool,
        asked: Asked | None = None,
    ) -> None:
        """Keep these files and record them in one transaction; then remove them, if `remove`."""
        keeping = [
            self._pool.submit(self._keep_all, files[start::_THREADS], stores, asked, link=remove)
            for start in range(min(_THREADS, len(files)))
        ]
        wait(keeping)  # for all, also where one fails: they use the folders' descriptors
        stored: list[_Stored] = []
        for file, one in itertools.chain.from_iterable(ended.result() for ended in keeping):
            if isinstance(one, _Stored):
                stored.append(one)
            else:
                taken.left[file.path] = one
        if not stored:
            return
        for store in {one.store for one in stored}:
            os.fsync(store)
        with Session(self._engine) as session, session.begin():
            ids = record_arrivals(session, [one.arrival for one in stored])
        for one in stored:
            taken.file_ids[one.file.path] = ids[one.arrival.sha256]
            if remove and (problem := one.remove()):
                taken.left[one.file.path] = problem

    def _keep_all(
        self, files: Sequence[InboxFile], stores: "_Stores", asked: Asked | None, *, link: bool
    ) -> list[tuple[InboxFile, "_Stored | str"]]:
        return [(file, self._store_one(file, stores, asked, link=link)) for file in files]

    def _store_one(
        self, file: InboxFile, stores: "_Stores", asked: Asked | None, *, link: bool
    ) -> "_Stored | str":
        """Put one file into the store; returns what to record, or why it is left for later."""
        try:
            descriptor = open_regular(file.place, file.folder)
        except OSError as error:
            return _unreadable(error)
        settings = self._settings
        too_large: ImageTooLarge | None = None
        try:
            if os.fstat(descriptor).st_size > settings.max_file_mb * 2**20:
                too_large = _too_large(descriptor, settings)
            store = stores.rejected if too_large else stores.store
            # A further name for what stays would change its change time, which is in its identity.
            link = link and file.identity is None
            stat = settings.stat is not None and self._is_stat(os.pread(descriptor, HEADER, 0))
            stored = store_file(descriptor, store, link=link, min_free=settings.min_free_mb * 2**20)
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
        asked = asked_by(file.source_name) if asked is None else asked
        arrival = NewArrival(
            sha256=stored.sha256,
            size_bytes=stored.size_bytes,
            source_name=file.source_name,
            identity=file.key(stored.sha256),
            refused=too_large.reason if too_large else None,
            study=asked.study,
            stat=asked.stat or stat,
        )
        return _Stored(file, store, arrival, stored)


def never_read(size_bytes: int, settings: Settings) -> bool:
    """Whether a file of that size is left in the inbox, since reading it would take too long."""
    return size_bytes > max(_LARGEST_READ, settings.max_file_mb * 2**20, settings.max_archive_mb * 2**20)


class _Stores(NamedTuple):
    """Descriptors of the folders of accepted files, and of those that are too large."""

    store: int
    rejected: int


class _Stored(NamedTuple):
    """A file that stands in `store`, and what to record of it."""

    file: InboxFile
    store: int
    arrival: NewArrival
    stored: Stored

    def remove(self) -> str | None:
        """Remove the file, unless it is another one or its writer went on; returns why it cannot be."""
        place, folder, was = self.file.place, self.file.folder, self.stored.source
        try:
            now = os.stat(place, dir_fd=folder, follow_symlinks=False)
            if (now.st_ino, now.st_size, now.st_mtime_ns) == (was.st_ino, was.st_size, was.st_mtime_ns):
                os.unlink(place, dir_fd=folder)
        except FileNotFoundError:
            return None
        except OSError:
            return RECORDED
        return None


def _too_large(descriptor: int, settings: Settings) -> ImageTooLarge | None:
    """Why a file that is too large for an image is refused, unless it is an archive that may be so large."""
    if archive_kind(os.pread(descriptor, START, 0)) is None:
        return ImageTooLarge.file(settings.max_file_mb)
    if os.fstat(descriptor).st_size > settings.max_archive_mb * 2**20:
        return ImageTooLarge.archive(settings.max_archive_mb)
    return None


def _is_one_of(folder: int, paths: Sequence[Path]) -> bool:
    status = os.fstat(folder)
    return any(path.exists() and os.path.samestat(status, path.stat()) for path in paths)


def _unreadable(error: OSError, verb: str = "read") -> str:
    if isinstance(error, FileNotFoundError):
        return VANISHED
    reason = "links are not followed" if error.errno == errno.ELOOP else error.strerror or error
    return f"it cannot be {verb} ({reason})"
