"""How a DICOM file begins, known without a parser: for who takes files in as for who reads them."""

import string
from struct import unpack_from

START = 140
"""Bytes that are looked at."""
_PREFIX_AT, _PREFIX = 128, b"DICM"  # PS3.10, 7.1: after a preamble
_META, _IDENTIFYING = 0x0002, 0x0008
"""Groups of elements with which a data set begins that stands there without its preamble."""
_LAST_IDENTIFYING = 0x0070
"""Greatest element of its group that a file can begin with: those before are not all required."""
_LONGEST_FIRST = 1024
_UPPER = frozenset(string.ascii_uppercase.encode())


def begins_as_dicom(start: bytes) -> bool:
    """Whether a file that begins so is DICOM, with its preamble and prefix or, as of old software, without.

    Without them the first element has to be one of group 0002 or 0008 with a plausible length, in one of the
    three encodings that are not compressed (PS3.5, 7.1 and A).
    """
    if start[_PREFIX_AT:].startswith(_PREFIX):
        return True
    if len(start) < START or start[:2] not in (b"\x02\x00", b"\x08\x00", b"\x00\x08"):
        return False
    order = ">" if start[0] == 0 else "<"
    group, element = unpack_from(f"{order}HH", start)
    if group not in (_META, _IDENTIFYING) or element > _LAST_IDENTIFYING:
        return False
    if _UPPER.issuperset(start[4:6]):  # explicit VR
        (length,) = unpack_from(f"{order}H", start, 6)
    elif order == "<":
        (length,) = unpack_from("<I", start, 4)
    else:
        return False
    return int(length) <= _LONGEST_FIRST
