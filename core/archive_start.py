"""How a zip, tar or gzip file begins: for who takes files in as for who unpacks them."""

import os
from enum import StrEnum
from pathlib import Path

from core.dicom_start import begins_as_dicom
from core.store import open_regular

START = 512
"""Bytes that are looked at: a header of tar."""
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")  # APPNOTE 6.3.10: 4.3.7, 4.3.16 (empty), 8.5 (split)
_FIRST_NAME = 30  # APPNOTE 6.3.10, 4.3.7
_DOCUMENTS = (b"[Content_Types].xml", b"_rels/", b"mimetype", b"META-INF/")
"""With these begin office documents, e-books and programs, which are zip files too."""
_GZIP = b"\x1f\x8b\x08"  # RFC 1952, 2.3
_TAR, _TAR_AT = b"ustar", 257  # POSIX.1-2017, pax, "ustar Interchange Format"; older ones have the checksum
_CHECKSUM = slice(148, 156)


class ArchiveKind(StrEnum):
    """The kinds that are unpacked."""

    ZIP = "zip"
    TAR = "tar"
    GZIP = "gzip"


def archive_kind(start: bytes) -> ArchiveKind | None:
    """Which kind of archive begins with these (at least `START`) bytes; None if it is none."""
    if start.startswith(_ZIP):
        return None if start[_FIRST_NAME:].startswith(_DOCUMENTS) else ArchiveKind.ZIP
    if start.startswith(_GZIP):
        return ArchiveKind.GZIP
    if len(start) < START or begins_as_dicom(start):
        return None
    return ArchiveKind.TAR if start[_TAR_AT:].startswith(_TAR) or _has_checksum(start) else None


def is_archive_file(path: Path) -> bool:
    """Whether a file is an archive; no if it cannot be read: whoever reads it says why."""
    try:
        descriptor = open_regular(path)
    except OSError:
        return False
    try:
        return archive_kind(os.pread(descriptor, START, 0)) is not None
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _has_checksum(header: bytes) -> bool:
    digits = header[_CHECKSUM].strip(b" \0")
    if not digits or not set(digits) <= set(b"01234567"):
        return False
    return int(digits, 8) == sum(header[:START]) - sum(header[_CHECKSUM]) + 8 * ord(" ")
