"""Whether a file may be an image, by its first bytes: for folders in which other things lie beside images."""

import os
from pathlib import Path, PurePath

from core.dicom_start import begins_as_dicom
from core.store import open_regular

_START = 1024
"""Bytes that are looked at; the file meta information, which names the kind of a DICOM file, lies in them."""
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"  # PNG 3rd ed., 5.2; ITU-T T.81, B.1.1.3
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")  # TIFF 6.0, section 2, and BigTIFF
_BMP, _BMP_HEADERS = b"BM", {12, 16, 40, 52, 56, 64, 108, 124}  # lengths in bytes, of all versions
_DICOMDIR = b"\x02\x00\x02\x00UI\x14\x001.2.840.10008.1.3.10"  # PS3.10, 7.1 and 8.6: Media Storage Directory
_SUFFIXES = {".png", ".jpg", ".jpeg", ".jpe", ".tif", ".tiff", ".bmp", ".dcm", ".dicom", ".ima"}


def may_be_image(start: bytes) -> bool:
    """Whether a file that begins so may be PNG, JPEG, TIFF, BMP or DICOM that is no directory of a medium."""
    if start.startswith((_PNG, _JPEG, *_TIFF)):
        return True
    if start.startswith(_BMP):
        return int.from_bytes(start[14:18], "little") in _BMP_HEADERS
    return begins_as_dicom(start) and _DICOMDIR not in start


def is_image_file(path: Path) -> bool:
    """Whether a file may be an image, or its name says that it is one: then its content may be damaged.

    So it is for a file that cannot be read: whoever reads it says why.
    """
    try:
        descriptor = open_regular(path)
    except OSError:
        return True
    try:
        start = os.read(descriptor, _START)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return shows_image(start, path.name)


def shows_image(start: bytes, name: str) -> bool:
    """Whether a file that begins so may be an image, or its name says that it is one."""
    suffix = PurePath(name).suffix.lower()
    return may_be_image(start[:_START]) or (suffix in _SUFFIXES and _DICOMDIR not in start[:_START])
