"""Which files of an inbox may be taken, and when one is complete."""

import os
import stat
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from core.dicom_start import START, begins_as_dicom
from core.errors import InboxUnusable
from core.left_alone import is_ignored
from core.store import open_regular

_PNG_SIGNATURE, _PNG_END = (
    b"\x89PNG\r\n\x1a\n",
    b"\x00\x00\x00\x00IEND\xaeB`\x82",
)  # PNG 3rd ed., 5.2 and 11.2.5
_JPEG_START, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"  # ITU-T T.81, B.1.1.3: SOI and EOI
_ZIP_START, _ZIP_END = b"PK\x03\x04", struct.Struct("<4s8xIIH")  # APPNOTE 6.3.10, 4.3.7 and 4.3.16
_END = max(len(_PNG_END), _ZIP_END.size)

_DICOM_HEADER = 65_536
"""Bytes in which the pixel data must begin; where they begin later, the file has to be still for a while."""
_PIXEL_DATA, _PIXEL_VRS = b"\xe0\x7f\x10\x00", (b"OB", b"OW")  # little endian, as all but old files are
_UNDEFINED, _SEQUENCE_END = 0xFFFFFFFF, b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"


def check_inbox(inbox: Path) -> None:
    """Raise unless files can be read in, and removed from, the inbox.

    Raises
    ------
    InboxUnusable
    """
    if not inbox.is_dir():
        raise InboxUnusable(
            f"The inbox {inbox} does not exist or is no folder. Create it, or set HEADCT_HOME."
        )
    if not os.access(inbox, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        raise InboxUnusable(
            f"The inbox {inbox} must be readable and writable for this user, since files are removed from it "
            f"once they are recorded. Run `chmod u+rwx` on it, or change its owner."
        )


def find_files(folder: Path) -> Iterator[Path]:
    """Every regular file below `folder` that is not ignored; links are never followed."""
    return map(Path, walk(str(folder)))


def walk(folder: str, enter: Callable[[str], None] | None = None) -> Iterator[str]:
    """As `find_files`, by text paths.

    Parameters
    ----------
    enter
        Called for each folder before it is read.
    """
    pending = [folder]
    while pending:
        folder = pending.pop()
        if enter is not None:
            enter(folder)
        try:
            entries = os.scandir(folder)
        except OSError:  # it vanished, may not be read, or is nested too deep for a path
            continue
        with entries:
            while (entry := _next(entries)) is not None:
                if is_ignored(entry.name):
                    continue
                try:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                        continue
                    is_file = entry.is_file(follow_symlinks=False)
                except OSError:  # one name of a network share can be unreadable
                    continue
                if is_file:
                    yield entry.path


def _next(entries: Iterator[os.DirEntry[str]]) -> os.DirEntry[str] | None:
    """The next name of a folder; None at its end, and where the rest of it cannot be read."""
    try:
        return next(entries, None)
    except OSError:
        return None


def regular_file(path: str | Path) -> os.stat_result | None:
    """Status of a regular file; None for anything else, or nothing, at that path."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def is_real_folder(path: Path) -> bool:
    """Whether a folder, and no link to one, is at that path; no if it cannot be told."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def carries_its_end(path: str | Path, *, closed: bool = False) -> bool:
    """Whether a file's last bytes have been written, so that no more will come.

    Parameters
    ----------
    closed
        Whoever wrote it has closed it, or moved it here. Only then DICOM is believed: its end is where its
        header says, and a writer that makes the whole length first reaches that before it writes the pixels.
        So is a zip file, whose directory is its end. A PNG or JPEG has a closing marker.
    """
    try:
        descriptor = open_regular(path)
    except OSError:
        return False
    try:
        size = os.fstat(descriptor).st_size
        start = os.pread(descriptor, START, 0)
        end = os.pread(descriptor, _END, max(0, size - _END))
        if begins_as_dicom(start):
            return closed and _ends_with_its_pixels(os.pread(descriptor, _DICOM_HEADER, 0), size, end)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    if start.startswith(_ZIP_START):
        return closed and _ends_with_its_directory(end, size)
    return (start.startswith(_PNG_SIGNATURE) and end.endswith(_PNG_END)) or (
        start.startswith(_JPEG_START) and end.endswith(_JPEG_END)
    )


def _ends_with_its_directory(end: bytes, size: int) -> bool:
    """Whether a zip file of that size ends with its directory, whose place that end tells, and no comment."""
    if len(end) < _ZIP_END.size:
        return False
    mark, length, place, comment = _ZIP_END.unpack(end[-_ZIP_END.size :])
    return mark == b"PK\x05\x06" and not comment and place + length + _ZIP_END.size == size


def _ends_with_its_pixels(header: bytes, size: int, end: bytes) -> bool:
    """Whether a DICOM file of that size ends where pixel data in it do (PS3.5, 7.1 and A.4)."""
    position = header.find(_PIXEL_DATA)
    while position >= 0:
        explicit = header[position + 4 : position + 6] in _PIXEL_VRS
        value = position + (12 if explicit else 8)
        length = int.from_bytes(header[value - 4 : value], "little")
        if value + length == size or (length == _UNDEFINED and end.endswith(_SEQUENCE_END)):
            return True
        position = header.find(_PIXEL_DATA, position + 1)
    return False
