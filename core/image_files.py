"""Image files as everybody reads them: not larger than allowed, and of stored ones the bytes that arrived."""

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from core.errors import ImageTooLarge, StoreUnavailable, UnreadableImage
from core.home import Home
from core.reasons import ReasonCode
from core.settings import Settings
from core.store import holds_anything


@dataclass(frozen=True)
class Limits:
    """Greatest size of an image; see the settings of the same names."""

    max_pixels: int = 20_000_000
    max_file_mb: float = float("inf")

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """Those that are set."""
        return cls(settings.max_pixels, settings.max_file_mb)


def read_file(path: Path, max_file_mb: float, sha256: str | None = None) -> bytes:
    """The bytes of a file; where `sha256` is given, they are those that it names.

    Raises
    ------
    ImageTooLarge, UnreadableImage
    """
    try:
        data = _read(path, max_file_mb)
    except OSError as error:
        raise UnreadableImage(
            ReasonCode.FILE_UNREADABLE, f"The file cannot be read ({error.strerror}). Check who may read it."
        ) from error
    if sha256 is not None and not _is(data, sha256):
        raise UnreadableImage(
            ReasonCode.FILE_CHANGED, "The file is not the one that was recorded. Remove it, and add it again."
        )
    return data


def read_stored(home: Home, sha256: str, max_file_mb: float) -> bytes:
    """The bytes of a stored file.

    Raises
    ------
    ImageTooLarge, UnreadableImage
    StoreUnavailable
        No file can be read, which says nothing about this one.
    """
    with _of_store(home):
        data = _read(home.bytes_path(sha256), max_file_mb)
    if not _is(data, sha256):
        raise _changed()
    return data


@contextlib.contextmanager
def opened_stored(home: Home, sha256: str) -> Iterator[BinaryIO]:
    """A stored file that may be too large for memory, open; its bytes are those that arrived.

    Raises
    ------
    UnreadableImage, StoreUnavailable
        As `read_stored`, also for what is read in the block.
    """
    with _of_store(home), home.bytes_path(sha256).open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise _changed()
        file.seek(0)
        yield file


@contextlib.contextmanager
def _of_store(home: Home) -> Iterator[None]:
    """In the block a stored file is read."""
    try:
        yield
    except OSError as error:
        if not holds_anything(home.store):
            raise StoreUnavailable(
                f"The store is empty or cannot be read ({error.strerror}). Mount its disk."
            ) from error
        raise UnreadableImage(
            ReasonCode.FILE_UNREADABLE,
            f"The stored copy of this file cannot be read ({error.strerror}). "
            "Drop the file again, or see to the store.",
        ) from error


def _changed() -> UnreadableImage:
    # It may be a link to the dropped file, whose writer can go on; that arrives as another file.
    return UnreadableImage(ReasonCode.FILE_CHANGED, "The file was changed after it arrived. Drop it again.")


def open_stored(home: Home, sha256: str, max_file_mb: float) -> FileIO:
    """As `read_stored`, but to be read piece by piece."""
    with _of_store(home):
        path = home.bytes_path(sha256)
        _check_size(path, max_file_mb)
        file = FileIO(path)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256:
        file.close()
        raise _changed()
    file.seek(0)
    return file


def _check_size(path: Path, max_file_mb: float) -> None:
    if path.stat().st_size > max_file_mb * 2**20:
        raise ImageTooLarge.file(max_file_mb)


def _read(path: Path, max_file_mb: float) -> bytes:
    _check_size(path, max_file_mb)
    return path.read_bytes()


def _is(data: bytes, sha256: str) -> bool:
    return hashlib.sha256(data).hexdigest() == sha256
