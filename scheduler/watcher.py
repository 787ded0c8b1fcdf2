"""The watcher: finds files in the inbox and hands the complete ones to the intake.

Events of the file system are only hints, since they overflow silently and network mounts send none; a
rescan at the start and every `rescan_seconds` decides.
"""

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import watchfiles
from sqlalchemy.exc import DBAPIError
from watchfiles._rust_notify import WatchfilesRustInternalError  # watchfiles gives it no public name

from core.home import Home
from core.settings import Settings
from scheduler.dispatcher import Dispatcher
from scheduler.inbox import carries_its_end, check_inbox, find_files, is_folder, is_ignored, regular_file
from scheduler.intake import CHANGED, VANISHED, Candidate, Intake

logger = logging.getLogger(__name__)

# Files per transaction: few at first, so that the workers begin, then enough to share its fsync.
_FIRST_BATCH, _LARGEST_BATCH = 8, 64
# In ms: how long the events of one burst are gathered, how often the native watcher looks for events, and how
# often files that wait for their settle time are looked at.
_DEBOUNCE_MS, _STEP_MS, _LOOK_MS = 20, 20, 250
_PAUSE_S = 5.0


@dataclass
class _Seen:
    """A file that is not complete yet, by what is known of it."""

    size: int
    mtime_ns: int
    since: float


class Watcher:
    """Watches one inbox until `stop` is set."""

    def __init__(self, settings: Settings, home: Home, intake: Intake, dispatcher: Dispatcher) -> None:
        self._settings = settings
        self._home = home
        self._intake = intake
        self._dispatcher = dispatcher
        self._pending: dict[Path, _Seen | None] = {}
        # Recorded files that could not be removed, by their change time: not to be copied at every rescan.
        self._unremovable: dict[Path, int] = {}
        self._real_inbox = home.inbox.resolve()
        self._paused_until = 0.0
        self._next_rescan = 0.0

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop` is set.

        Raises
        ------
        InboxUnusable
            The inbox is gone or cannot be written.
        """
        while not stop.is_set():
            self._rescan()
            try:
                self._follow_events(stop)
            except WatchfilesRustInternalError:
                # A name that is not UTF-8 ends the watch, not the work: the rescan finds the file. No trace
                # is logged, since it has the name.
                logger.warning("the file events broke off at a name that is not UTF-8; the inbox is scanned")
                self._take_complete(stop)
                stop.wait(_LOOK_MS / 1000)

    def _follow_events(self, stop: threading.Event) -> None:
        for changes in watchfiles.watch(
            self._home.inbox,
            self._home.run,
            watch_filter=None,
            debounce=_DEBOUNCE_MS,
            step=_STEP_MS,
            rust_timeout=_LOOK_MS,
            yield_on_timeout=True,
            stop_event=stop,
            raise_interrupt=False,
            force_polling=self._settings.poll_seconds > 0,
            poll_delay_ms=int(self._settings.poll_seconds * 1000),
            ignore_permission_denied=True,
        ):
            paths = {Path(path) for change, path in changes if change != watchfiles.Change.deleted}
            if self._home.wake in paths:
                self._dispatcher.wake()
            self._notice(paths)
            if time.monotonic() >= self._next_rescan:
                self._rescan()
            self._take_complete(stop)

    def _rescan(self) -> None:
        check_inbox(self._home.inbox)
        for path in find_files(self._home.inbox):
            self._pending.setdefault(path, None)
        self._next_rescan = time.monotonic() + self._settings.rescan_seconds

    def _notice(self, paths: set[Path]) -> None:
        """Take up paths that events named, if they are below the inbox by no link and not ignored."""
        taken_up = {folder: self._is_inside(folder) for folder in {path.parent for path in paths}}
        for path in paths:
            if not taken_up[path.parent] or is_ignored(path.name):
                continue
            if is_folder(path):  # one that was moved in brings no events of its files
                for file in find_files(path):
                    self._pending.setdefault(file, None)
            else:
                self._pending[path] = None

    def _is_inside(self, folder: Path) -> bool:
        try:
            below = folder.relative_to(self._home.inbox)
        except ValueError:
            return False
        return not any(map(is_ignored, below.parts)) and folder.resolve() == self._real_inbox / below

    def _take_complete(self, stop: threading.Event) -> None:
        if time.monotonic() < self._paused_until:
            return
        ready: list[Path] = []
        batch = _FIRST_BATCH
        for path, seen in list(self._pending.items()):
            if self._is_complete(path, seen):
                ready.append(path)
            if len(ready) == batch:
                if stop.is_set() or not self._take(ready):
                    return
                ready, batch = [], min(2 * batch, _LARGEST_BATCH)
        if ready:
            self._take(ready)

    def _is_complete(self, path: Path, seen: _Seen | None) -> bool:
        """Whether to take the file now; forgets paths that are no regular file (any more)."""
        now = time.monotonic()
        if seen is not None and now - seen.since < self._settings.settle_seconds:
            return False
        status = regular_file(path)
        if status is None or self._unremovable.get(path) == status.st_ctime_ns:
            del self._pending[path]
            return False
        if seen is not None and (seen.size, seen.mtime_ns) == (status.st_size, status.st_mtime_ns):
            return True
        if carries_its_end(path):
            return True
        self._pending[path] = _Seen(status.st_size, status.st_mtime_ns, now)
        return False

    def _take(self, paths: list[Path]) -> bool:
        """Take these files; False if the disk or the database refuses, and everything has to wait."""
        candidates = [Candidate(path, path.relative_to(self._home.inbox)) for path in paths]
        try:
            taken = self._intake.take(candidates, remove=True)
        except (OSError, DBAPIError) as error:
            problem = error.strerror if isinstance(error, OSError) else str(getattr(error, "orig", error))
            logger.error(  # noqa: TRY400 - a trace would name the file
                "intake waits %d s: %s. Nothing is lost, the files stay in the inbox. See `headct doctor`.",
                _PAUSE_S,
                problem,
            )
            self._paused_until = time.monotonic() + _PAUSE_S
            return False
        for path in paths:
            reason = taken.left.get(path)
            if reason == CHANGED:
                self._pending[path] = None
                continue
            del self._pending[path]
            if reason not in (None, VANISHED):
                logger.warning("a file stays in the inbox: %s. `headct doctor` names it.", reason)
            if reason and path in taken.scan_ids and (status := regular_file(path)):
                self._unremovable[path] = status.st_ctime_ns
        if taken.scan_ids:
            self._dispatcher.wake()
        return True
