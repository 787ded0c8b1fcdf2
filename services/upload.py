"""Files that come by the web page: written beside the inbox's files, then moved among them."""

import contextlib
import hashlib
import os
import re
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from core.errors import DiskNearlyFull, ImageTooLarge, InboxUnusable, UploadRefused
from core.home import Home
from core.left_alone import is_ignored
from core.settings import Settings
from core.store import open_regular
from scheduler.asked import NOTHING, STAT, STUDIES, Asked, study_name
from scheduler.inbox import check_inbox
from scheduler.room import Disks
from services.audit import Who, record
from services.context import Context

_UNFINISHED = ".headct-upload-"
_FOLDER = "web"
_LONGEST_PART, _DEEPEST = 200, 20
_MIB = 1024 * 1024
_TICKET = re.compile(r"[A-Za-z0-9]{8,32}")
_ONE_AT_A_TIME = threading.Lock()
"""So that no upload takes the place of another's file that the intake has not seen."""


class Wanted(NamedTuple):
    """How a file is to be taken.

    Attributes
    ----------
    name
        Its path in what was dropped.
    ticket
        The same for all files that were dropped together.
    """

    name: str
    ticket: str
    asked: Asked = NOTHING


class Upload:
    """A file that is being received. Unless it is finished nothing of it stays.

    Raises
    ------
    UploadRefused, InboxUnusable, DiskNearlyFull
    """

    def __init__(self, context: Context, wanted: Wanted) -> None:
        self._context, self._settings, self._home = context, context.settings, context.home
        self._folder, self._name = _target(self._home, wanted)
        check_inbox(self._home.inbox)
        self._disks = Disks(self._settings, self._home)
        self._disks.check()
        self._most = most_bytes(self._settings)
        self._sha256 = hashlib.sha256()
        self.size = 0
        try:
            self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed by `__exit__`
                prefix=_UNFINISHED, dir=self._home.inbox, delete=False
            )
        except OSError as error:
            raise InboxUnusable(f"The inbox cannot be written: {error.strerror}.") from error

    def write(self, data: bytes) -> None:
        """Add what came.

        Raises
        ------
        ImageTooLarge, DiskNearlyFull
        """
        self.size += len(data)
        if self.size > self._most:
            raise ImageTooLarge.archive(self._settings.max_archive_mb)
        self._disks.check()  # also of what others write meanwhile
        self._sha256.update(data)
        try:
            self._file.write(data)
        except OSError as error:
            raise DiskNearlyFull(f"The inbox cannot be written: {error.strerror}.") from error

    def finish(self, who: Who) -> str:
        """Move the file into the inbox, which stands in the audit before; returns its SHA-256.

        Raises
        ------
        UploadRefused
            It is empty.
        DiskNearlyFull
        """
        if not self.size:
            raise UploadRefused("The file is empty.")
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            with _ONE_AT_A_TIME:
                self._folder.mkdir(parents=True, exist_ok=True)
                if not self._folder.resolve().is_relative_to(self._home.inbox.resolve()):
                    raise UploadRefused("A link in the inbox leads out of it. Remove it.")
                sha256 = self._sha256.hexdigest()
                if os.path.lexists(self._folder / self._name):
                    if sha256 == self._waiting():  # its first answer was lost
                        return sha256
                    raise UploadRefused("A file of that name waits in the inbox. Try again in a minute.")
                record(self._context, who, "upload", None, f"{self.size} bytes, SHA-256 {sha256}")
                Path(self._file.name).rename(self._folder / self._name)
        except (FileExistsError, NotADirectoryError) as error:
            raise UploadRefused("A file waits in the inbox where the name has a folder.") from error
        except OSError as error:
            raise DiskNearlyFull(f"The inbox cannot be written: {error.strerror}.") from error
        return sha256

    def _waiting(self) -> str | None:
        """SHA-256 of the file of that name; None where it is none, or the intake has just taken it."""
        try:
            with os.fdopen(open_regular(self._folder / self._name), "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        Path(self._file.name).unlink(missing_ok=True)


def most_bytes(settings: Settings) -> int:
    """The most bytes that a file, or an archive, can have."""
    return int(max(settings.max_file_mb, settings.max_archive_mb) * _MIB)


def remove_unfinished(home: Home) -> None:
    """Remove what uploads of an earlier process left; while none is under way."""
    with contextlib.suppress(OSError):
        for path in home.inbox.glob(f"{_UNFINISHED}*"):
            path.unlink(missing_ok=True)


def _target(home: Home, wanted: Wanted) -> tuple[Path, str]:
    # Not by `PurePosixPath`: it keeps `//` at the beginning as a part, which leads out of any folder.
    parts = [part for part in wanted.name.replace("\\", "/").split("/") if part not in {"", "."}]
    if not parts or len(parts) > _DEEPEST:
        raise UploadRefused("The file has no name, or lies too deep in folders.")
    for part in parts:
        if part == ".." or not part.isprintable() or len(os.fsencode(part)) > _LONGEST_PART:
            raise UploadRefused(f"{part!a} cannot be a name: it is too long, or has control characters.")
        if is_ignored(part):
            raise UploadRefused(
                f"{part!a} would be left alone: it is hidden, unfinished or the system's own."
            )
    if not _TICKET.fullmatch(wanted.ticket):
        raise UploadRefused("A ticket has 8 to 32 letters and digits.")
    folder = home.inbox / STAT if wanted.asked.stat else home.inbox
    study = wanted.asked.study
    folder = folder / _FOLDER if study is None else folder / STUDIES / _study(study)
    return folder.joinpath(wanted.ticket, *parts[:-1]), parts[-1]


def _study(name: str) -> str:
    name = study_name(name.strip())
    allowed = name.isprintable() and "/" not in name and len(os.fsencode(name)) <= _LONGEST_PART
    if not name or not allowed or is_ignored(name):
        raise UploadRefused(
            f"{name!a} cannot be the name of a study: no slash, no leading dot, not too long."
        )
    return name
