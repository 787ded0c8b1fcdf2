"""One archive, from claim to the records of its members, which are classified like any other file."""

import contextlib
import errno
import hashlib
import logging
import os
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import BinaryIO

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import RejectedImage, StoreUnavailable, UnreadableImage
from core.home import Home
from core.image_files import opened_stored
from core.reasons import Reason, ReasonCode
from core.settings import Settings
from core.store import opened_folder, store_bytes
from db.archives import finish_unpacked, look_up_archive, record_members
from db.arrivals import NewArrival
from db.engine import read_session
from db.lifecycle import Claimant, Claimed, release
from db.states import FileState
from images.archive import ArchiveLimits, Member, PassedOver, read_members
from worker.limits import FileLimit, file_limits
from worker.metrics import FINISHED

logger = logging.getLogger(__name__)

READ_S = 20.0
"""Wall time of reading an archive through once. Reading and recording 300 slices (150 MiB) took 1.7 s."""
PORTION_S = 8.0
"""After so long the rest of an archive waits again, for any worker: a task has to end."""
_BATCH, _BATCH_BYTES, _BATCH_S = 100, 2**26, 0.5
"""Members that are recorded in one commit, at most, and how long the first of them waits for it."""
_TOO_MUCH_MEMORY = Reason(
    ReasonCode.TOO_LARGE,
    "Unpacking this archive takes more memory than a worker process may have. Make several of it.",
)
_Counts = Counter[PassedOver | None]


def unpack(
    engine: Engine, settings: Settings, home: Home, claimant: Claimant, archive: Claimed, until: float
) -> Reason | None:
    """Record the members of a claimed archive that may be images; returns why not, if it is refused.

    An archive that is damaged anywhere gives nothing: half of a study could be taken for the whole. So it is
    read through before the first of its members is recorded. Those that are recorded already, since a worker
    was killed or its time was up, are passed over.

    Parameters
    ----------
    until
        Of `time.monotonic`. Later the archive waits again, and this costs it no attempt.

    Raises
    ------
    StoreUnavailable
        Nothing can be stored, also since the disk is nearly full. The archive is still this task's.
    """
    unpacking = _Unpacking(engine, settings, home, claimant, archive)
    try:
        unpacking.run(until)
    except RejectedImage as error:
        return error.reason
    except MemoryError:
        return _TOO_MUCH_MEMORY
    return None


class _Unpacking:
    """One claim of one archive."""

    def __init__(
        self, engine: Engine, settings: Settings, home: Home, claimant: Claimant, archive: Claimed
    ) -> None:
        self._engine, self._home, self._claimant, self._archive = engine, home, claimant, archive
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._min_free = settings.min_free_mb * 2**20
        self._limits = ArchiveLimits(int(settings.max_file_mb * 2**20), int(settings.max_archive_mb * 2**20))
        self._limited: FileLimit = file_limits(settings, file_s=READ_S, chunk_s=3 * READ_S)
        with read_session(engine) as session:
            self._known = look_up_archive(session, archive.id)

    def run(self, until: float) -> None:
        with contextlib.ExitStack() as opened:
            with _writing():
                store = opened.enter_context(opened_folder(self._home.store))
                _check_room(store, self._min_free)
            with self._limited():
                file = opened.enter_context(opened_stored(self._home, self._archive.sha256))
                if not self._known.known:
                    _check_any(Counter(one.passed_over for one in read_members(file, self._limits)))
            seen = self._record_all(file, store, until)
        if seen is not None:
            self._finish(seen)

    def _record_all(self, file: BinaryIO, store: int, until: float) -> _Counts | None:
        """Record all members that are new; returns how many there are, None if that is not the end."""
        seen: _Counts = Counter()
        batch: list[NewArrival] = []
        since = time.monotonic()
        for member in self._members(file):
            seen[member.passed_over] += 1
            if member.data is None:
                continue
            with _writing():
                sha256 = store_bytes(member.data, store, min_free=self._min_free)
            batch.append(self._arrival(member, sha256, len(member.data)))
            size = sum(one.size_bytes for one in batch)
            if len(batch) < _BATCH and size < _BATCH_BYTES and time.monotonic() < since + _BATCH_S:
                continue
            if not self._record(batch, store):
                return None
            batch, since = [], time.monotonic()
            if since > until:
                with Session(self._engine) as session, session.begin():
                    release(session, self._claimant)
                self._home.wake_dispatcher()
                return None
        return seen if self._record(batch, store) else None

    def _members(self, file: BinaryIO) -> Iterator[Member]:
        members = read_members(file, self._limits, lambda *key: self._key(*key) in self._known.known)
        while True:
            with self._limited():
                member = next(members, None)
            if member is None:
                return
            yield member

    def _record(self, batch: list[NewArrival], store: int) -> bool:
        with _writing():
            os.fsync(store)
        with Session(self._engine) as session, session.begin():
            held = record_members(session, self._claimant, self._archive.id, batch, self._lease)
        self._home.wake_dispatcher()
        return held

    def _arrival(self, member: Member, sha256: str, size: int) -> NewArrival:
        return NewArrival(
            sha256=sha256,
            size_bytes=size,
            source_name=f"{self._known.source_name}/{member.name}",
            identity=self._key(member.number, member.name),
            archive_id=self._archive.id,
            study=self._known.study,
            stat=self._known.stat,
        )

    def _key(self, index: int, name: str) -> str:
        """Of a member's arrival: the same whenever it is unpacked."""
        return hashlib.sha256(f"{self._archive.sha256}:{index}:{name}".encode()).hexdigest()

    def _finish(self, seen: _Counts) -> None:
        taken = seen[None]
        said = f"{taken} image{'s were' if taken > 1 else ' was'} taken out of it.{_passed_over(seen)}"
        with Session(self._engine) as session, session.begin():
            held = finish_unpacked(session, self._claimant, self._archive.id, said)
        if held:
            FINISHED.labels(FileState.UNPACKED.value).inc()
            logger.info(
                "an archive is unpacked, %d images were in it", taken, extra={"file_ids": [self._archive.id]}
            )


def _check_any(seen: _Counts) -> None:
    if not seen[None]:
        raise UnreadableImage(ReasonCode.NO_IMAGE, f"There is no image in the archive.{_passed_over(seen)}")


def _passed_over(seen: _Counts) -> str:
    counts = "; ".join(f"{why.value}: {seen[why]}" for why in PassedOver if seen[why])
    return f" Passed over: {counts}." if counts else ""


def _check_room(store: int, min_free: int) -> None:
    disk = os.fstatvfs(store)
    if disk.f_bavail * disk.f_frsize < min_free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    """In the block only the store is written."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(
            f"The store cannot be written ({error.strerror}), so an archive is not unpacked. Make room, or "
            "mend it."
        ) from error
