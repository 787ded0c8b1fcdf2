"""Folders of the inbox out of which files were taken: they go when they have been empty for a while."""

import errno
import os
import time
from pathlib import Path

from core.store import open_folder

_MOST = 50_000
"""More folders than this are not kept in mind."""
_NOT_EMPTY = (errno.ENOTEMPTY, errno.EEXIST)  # POSIX allows both


class EmptiedFolders:
    """Those below one inbox, which itself always stays.

    Parameters
    ----------
    empty_s
        So long a folder is left as it is: who copies a study one file after the other must find it there.
    """

    def __init__(self, inbox: str, *, empty_s: float = 600.0) -> None:
        self._inbox, self._empty_s = inbox, empty_s
        # Each folder's modification time when it was last looked at, and since when that is the same.
        self._seen: dict[str, tuple[int, float]] = {}

    def took_from(self, folder: str) -> None:
        """A file was taken out of that folder: it may go, and then those above it."""
        while folder not in self._seen and len(folder) > len(self._inbox) and len(self._seen) < _MOST:
            self._seen[folder] = (0, 0.0)
            folder, _ = os.path.split(folder)

    def remove_old(self) -> None:
        """Remove those that are empty, and in which nothing came or went for a while."""
        for folder in sorted(self._seen, key=len, reverse=True):  # what is below comes first
            try:
                parent = open_folder(Path(folder).parent, Path(self._inbox))
                try:
                    self._remove_if_old(folder, parent)
                finally:
                    os.close(parent)
            except OSError as error:
                if error.errno not in _NOT_EMPTY:  # it is gone, or not for this user to remove
                    del self._seen[folder]

    def _remove_if_old(self, folder: str, parent: int) -> None:
        name, now = os.path.split(folder)[1], time.monotonic()
        modified = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mtime_ns
        before, since = self._seen[folder]
        if modified != before:
            self._seen[folder] = (modified, now)
        elif now - since >= self._empty_s:
            os.rmdir(name, dir_fd=parent)  # refused if a file has come by now
            del self._seen[folder]
