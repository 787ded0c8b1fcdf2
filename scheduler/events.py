"""File events, as the kernel sends them (inotify(7)). They are hints: other machines' writes send none."""

import contextlib
import errno
import logging
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from inotify_simple import INotify, flags

from core.errors import InboxUnusable
from core.home import Home
from core.left_alone import is_ignored

logger = logging.getLogger(__name__)

# What a file's writer closed, or moved here, may be complete. What was only created is still to be written,
# unless it is one more name (link(2)) of a file that was there. A folder that is moved away takes its watches
# with it.
_INBOX_MASK = (
    flags.CLOSE_WRITE | flags.MOVED_TO | flags.MOVED_FROM | flags.CREATE | flags.ONLYDIR | flags.DONT_FOLLOW
)
_WAKE_MASK = flags.CLOSE_WRITE | flags.ATTRIB
# Plain numbers, since the enumeration's operators cost more than the rest of an event.
_WRITTEN, _CREATED = int(flags.CLOSE_WRITE | flags.MOVED_TO), int(flags.CREATE)
_FOLDER, _MOVED_AWAY = int(flags.ISDIR), int(flags.MOVED_FROM)
_IGNORED, _OVERFLOW = int(flags.IGNORED), int(flags.Q_OVERFLOW)


@dataclass
class Noticed:
    """What happened in the inbox: paths of files that were written, or only created, and of new folders.

    `overflowed` says that the kernel dropped events, `woken` that another process woke the dispatcher.
    """

    written: list[str] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    overflowed: bool = False
    woken: bool = False


class FileEvents:
    """Events of the folders that `watch` was called for, and of the file that wakes the dispatcher.

    Raises
    ------
    InboxUnusable
        The system gives this user no further event queue.
    """

    def __init__(self, home: Home) -> None:
        try:
            self._inotify = INotify()
        except OSError as error:
            raise InboxUnusable(
                f"The system gives no file events ({error.strerror}). Raise fs.inotify.max_user_instances "
                "with sysctl."
            ) from error
        self._folders: dict[int, str] = {}
        self._inbox = str(home.inbox)
        self._wake_name = home.wake.name
        self._wake_watch = self._inotify.add_watch(home.run, _WAKE_MASK)
        self._at_limit = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inotify.close()

    def watch(self, folder: str) -> None:
        """Have events of this folder from now on (not of those in it), if it is one and no link to one.

        The inbox itself may be a link, to a share for instance: that is its owner's decision.
        """
        mask = _INBOX_MASK & ~flags.DONT_FOLLOW if folder == self._inbox else _INBOX_MASK
        try:
            self._folders[self._inotify.add_watch(folder, mask)] = folder
        except OSError as error:
            if error.errno == errno.ENOSPC and not self._at_limit:
                self._at_limit = True
                logger.warning("not all folders are watched: raise fs.inotify.max_user_watches with sysctl")

    def read(self, timeout_s: float, gather_s: float) -> Noticed:
        """What happened since the last call.

        Waits up to `timeout_s` for something, then `gather_s` for more; with no `timeout_s` not at all.
        """
        events = self._inotify.read(int(timeout_s * 1000))
        if events and timeout_s:
            time.sleep(gather_s)
            events += self._inotify.read(0)
        noticed = Noticed()
        for watch, mask, _, name in events:
            if mask & _OVERFLOW:
                noticed.overflowed = True
            elif watch == self._wake_watch:
                noticed.woken = noticed.woken or name == self._wake_name
            elif mask & _IGNORED:
                self._folders.pop(watch, None)
            elif watch in self._folders and not is_ignored(name):
                self._sort(f"{self._folders[watch]}/{name}", mask, noticed)
        return noticed

    def _sort(self, path: str, mask: int, noticed: Noticed) -> None:
        if mask & _FOLDER:
            if mask & _MOVED_AWAY:
                self._unwatch(path)
            else:
                noticed.folders.append(path)
        elif mask & _WRITTEN:
            noticed.written.append(path)
        elif mask & _CREATED:
            noticed.created.append(path)

    def _unwatch(self, folder: str) -> None:
        for watch, path in list(self._folders.items()):
            if path == folder or path.startswith(f"{folder}/"):
                del self._folders[watch]
                with contextlib.suppress(OSError):  # it is gone already, with its folder
                    self._inotify.rm_watch(watch)
