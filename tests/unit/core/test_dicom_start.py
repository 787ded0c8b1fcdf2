import os

import pytest

from core.dicom_start import START, begins_as_dicom

ANY = bytes(range(200))
EXPLICIT = b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100"
IMPLICIT = b"\x08\x00\x16\x00\x1a\x00\x00\x001.2.840.10008.5.1.4.1.1.2\0"
BIG = b"\x00\x08\x00\x08CS\x00\x08ORIGINAL"
META = b"\x02\x00\x00\x00UL\x04\x00\xba\x00\x00\x00"


@pytest.mark.parametrize("start", [EXPLICIT, IMPLICIT, BIG, META])
def test_dicom_is_known_with_its_preamble_and_without(start: bytes) -> None:
    assert begins_as_dicom(start + ANY)
    assert begins_as_dicom(os.urandom(128) + b"DICM" + start)


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"DICM",
        EXPLICIT,
        b"\x89PNG\r\n\x1a\n" + ANY,
        b"\xff\xd8\xff\xe0" + ANY,
        b"II*\0\x08\0\0\0" + ANY,
        b"MM\0*\0\0\0\x08" + ANY,
        b"BM" + ANY,
        b"patient,file\n" * 40,
        b"\x08\x00" + b"\xff" * 200,
        b"\x08\x00\x16\x00\x00\x00\x01\x00" + ANY,
        b"\x08\x00\x18\x11CS\x04\x00" + ANY,
        b"\x09\x00\x05\x00CS\x04\x00" + ANY,
        b"\x00\x08\x00\x08\x00\x00\x00\x08" + ANY,
        bytes(START),
    ],
)
def test_other_bytes_are_not_taken_for_dicom(start: bytes) -> None:
    assert not begins_as_dicom(start)
