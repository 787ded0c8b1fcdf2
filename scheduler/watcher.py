"""The watcher: finds files in the inbox and hands the complete ones to the intake.

Events of the file system are only hints, since they overflow and network mounts send none; a rescan at the
start and every `rescan_seconds` decides. Neither keeps more than a bounded number of paths in memory.
"""

import errno
import itertools
import logging
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from core.errors import DiskNearlyFull, StoreUnavailable
from core.home import Home
from core.settings import Settings
from scheduler.claims import InboxFile
from scheduler.dispatcher import Dispatcher
from scheduler.emptied import EmptiedFolders
from scheduler.events import FileEvents, Noticed
from scheduler.inbox import carries_its_end, check_inbox, regular_file, walk
from scheduler.intake import CHANGED, RECORDED, VANISHED, Intake
from scheduler.metrics import FILES_TAKEN
from scheduler.pause import Pause

logger = logging.getLogger(__name__)

# Files per transaction: few at first, so that the workers begin, then enough to share its fsync.
_FIRST_BATCH, _LARGEST_BATCH = 8, 64
# Files looked at before events are read again, whose queue the kernel bounds.
_MOST_LOOKS = 512
# How long events are waited for, while files may wait for their settle time.
_LOOK_S = 0.25
# How long more events are waited for after the first: a file that comes alone is taken at once, of many those
# that come within this time share a transaction.
_GATHER_ONE_S, _GATHER_MANY_S = 0.01, 0.05


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file that is not complete yet, by what is known of it (nothing, where it was not looked at)."""

    since: float
    size: int = -1
    mtime_ns: int = -1


class Watcher:
    """Watches one inbox until `stop` is set.

    Parameters
    ----------
    most_kept
        More paths than this are kept neither of files that were written nor of those that wait: a rescan
        finds the others again.
    """

    def __init__(
        self,
        settings: Settings,
        home: Home,
        intake: Intake,
        dispatcher: Dispatcher,
        pause: Pause,
        emptied: EmptiedFolders,
        *,
        most_kept: int = 50_000,
    ) -> None:
        self._settings = settings
        self._home = home
        self._intake = intake
        self._dispatcher = dispatcher
        self._pause = pause
        self._emptied = emptied
        self._most_kept = most_kept
        self._inbox = str(home.inbox)
        # In the order in which each has its next look: what events named, what is to be still for a while,
        # and the walks through the inbox or a new folder.
        self._written: dict[str, None] = {}
        self._waiting: dict[str, _Seen] = {}
        self._walks: deque[Iterator[str]] = deque()
        self._batch = _FIRST_BATCH
        self._gather_s = _GATHER_ONE_S
        self._rescan_seconds = settings.poll_seconds or settings.rescan_seconds
        self._next_rescan = 0.0

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop` is set.

        Raises
        ------
        InboxUnusable
            The inbox is gone or cannot be written, or the system gives no file events.
        """
        with FileEvents(self._home) as events:
            busy = False
            while not stop.is_set():
                busy = self._rescan_if_due(events) or busy
                self._notice(events.read(0 if busy else _LOOK_S, self._gather_s), events)
                busy = not self._pause.holds() and self._take_some()
        self._pause.end()

    def _rescan_if_due(self, events: FileEvents) -> bool:
        if time.monotonic() < self._next_rescan or self._walks:
            return False
        check_inbox(self._home.inbox)
        self._intake.looks_for_claims = True
        self._emptied.remove_old()
        self._walk(self._inbox, events)
        self._next_rescan = time.monotonic() + self._rescan_seconds
        return True

    def _walk(self, folder: str, events: FileEvents) -> None:
        """Have the files of a folder looked at; each folder is watched before it is read."""
        enter = None if self._settings.poll_seconds else events.watch
        self._walks.append(walk(folder, enter))

    def _notice(self, noticed: Noticed, events: FileEvents) -> None:
        if noticed.woken:
            self._dispatcher.wake()
        for folder in noticed.folders:
            self._walk(folder, events)
        now = time.monotonic()
        room = max(0, self._most_kept - len(self._waiting))
        for path in noticed.created[:room]:
            self._waiting.setdefault(path, _Seen(now))
        self._written |= dict.fromkeys(noticed.written)
        if noticed.overflowed or noticed.created[room:] or len(self._written) > self._most_kept:
            self._next_rescan = 0.0
        if len(self._written) > self._most_kept:
            self._written.clear()

    def _take_some(self) -> bool:
        """Take one batch of complete files, if there are any; returns whether there is more to look at."""
        complete: dict[str, None] = {}
        looked_at, full = 0, False
        for path, seen, closed in itertools.islice(self._next_paths(), _MOST_LOOKS):
            looked_at += 1
            if self._is_complete(path, seen, closed=closed):
                complete[path] = None
            full = len(complete) == self._batch
            if full:
                break
        if complete or self._intake.looks_for_claims:
            self._take_batch(list(complete))
        else:
            self._batch, self._gather_s = _FIRST_BATCH, _GATHER_ONE_S
            if not (self._written or self._waiting or self._walks):
                self._pause.end()
        return full or looked_at == _MOST_LOOKS

    def _take_batch(self, paths: list[str]) -> None:
        try:
            self._take(paths)
        except (DiskNearlyFull, StoreUnavailable, OSError, DBAPIError) as error:
            self._written = dict.fromkeys(paths) | self._written
            self._pause.begin(_problem(error))
        else:
            self._gather_s = _GATHER_MANY_S if len(paths) > 1 else _GATHER_ONE_S
            self._batch = min(2 * self._batch, _LARGEST_BATCH) if len(paths) == self._batch else _FIRST_BATCH
            self._pause.end()

    def _next_paths(self) -> Iterator[tuple[str, _Seen | None, bool]]:
        """Paths to look at now, what is known of those that have waited, whether they were closed."""
        while self._written:
            path = next(iter(self._written))
            del self._written[path]
            yield path, None, True
        due = time.monotonic() - self._settings.settle_seconds
        while self._waiting:
            path, seen = next(iter(self._waiting.items()))
            if seen.since > due:
                break
            del self._waiting[path]
            yield path, seen, False
        while self._walks and len(self._waiting) < self._most_kept:
            for path in self._walks[0]:
                if path not in self._waiting:
                    yield path, None, False
            self._walks.popleft()

    def _is_complete(self, path: str, seen: _Seen | None, *, closed: bool) -> bool:
        """Whether to take the file now; else it waits, or is forgotten if it is no regular file."""
        status = regular_file(path)
        if status is None:
            self._waiting.pop(path, None)
            return False
        now_seen = _Seen(time.monotonic(), status.st_size, status.st_mtime_ns)
        still = seen is not None and (seen.size, seen.mtime_ns) == (now_seen.size, now_seen.mtime_ns)
        self._waiting.pop(path, None)
        if still or carries_its_end(path, closed=closed):
            return True
        self._waiting[path] = now_seen
        return False

    def _take(self, paths: list[str]) -> None:
        """Take these files.

        Raises
        ------
        DiskNearlyFull, StoreUnavailable, OSError, sqlalchemy.exc.DBAPIError
            Nothing was taken, and everything has to wait.
        """
        taken = self._intake.take([InboxFile(path, path[len(self._inbox) + 1 :]) for path in paths])
        for path in taken.file_ids.keys() - taken.left.keys():
            self._emptied.took_from(os.path.split(path)[0])
        reasons: Counter[str] = Counter()
        for path, reason in taken.left.items():
            if reason == CHANGED:
                self._waiting[str(path)] = _Seen(time.monotonic())
            elif reason not in (VANISHED, RECORDED):
                reasons[reason] += 1
        for reason, count in reasons.items():
            logger.warning("%d files stay in the inbox: %s. `headct doctor` names the first.", count, reason)
        if taken.file_ids:
            self._dispatcher.wake()
            FILES_TAKEN.inc(len(taken.file_ids))
            told = {"file_ids": list(taken.file_ids.values())}
            logger.info("%d files are recorded", len(taken.file_ids), extra=told)


def _problem(error: Exception) -> str:
    """What is wrong, without the name of a file."""
    if isinstance(error, OSError):
        return error.strerror or errno.errorcode.get(error.errno or 0, "the disk refuses")
    return str(getattr(error, "orig", error))
