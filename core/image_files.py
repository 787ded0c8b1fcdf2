"""Image files as everybody reads them: not larger than allowed, and of stored ones the bytes that arrived."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

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
    try:
        data = _read(home.bytes_path(sha256), max_file_mb)
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
    if not _is(data, sha256):
        # It may be a link to the dropped file, whose writer can go on; that arrives as another file.
        raise UnreadableImage(
            ReasonCode.FILE_CHANGED, "The file was changed after it arrived. Drop it again."
        )
    return data


def _read(path: Path, max_file_mb: float) -> bytes:
    if path.stat().st_size > max_file_mb * 2**20:
        raise ImageTooLarge.file(max_file_mb)
    return path.read_bytes()


def _is(data: bytes, sha256: str) -> bool:
    return hashlib.sha256(data).hexdigest() == sha256
