"""The size that a compressed DICOM frame itself announces, read before anything is decompressed.

The data set around it may announce another one: a decoder trusts the frame, and would fill memory with it.
"""

import struct

_JPEG_2000 = b"\xff\x4f\xff\x51"  # SOC and SIZ: ISO/IEC 15444-1, A.4.1 and A.5.1
_JPEG = b"\xff\xd8"  # SOI: ITU-T T.81, B.1.1.3, also of JPEG-LS
_STARTS_OF_FRAME = {0xC0, 0xC1, 0xC2, 0xC3, 0xF7}
"""Second byte of the marker before height and width: baseline to lossless JPEG, and JPEG-LS (T.87, C.1.1)."""


def frame_size(frame: bytes) -> tuple[int, int]:
    """Width and height of a JPEG, JPEG-LS or JPEG 2000 frame.

    Raises
    ------
    ValueError
        It is none of these, or ends before its size.
    """
    try:
        if frame.startswith(_JPEG_2000):
            right, bottom, left, top = struct.unpack_from(">4I", frame, 8)
            return right - left, bottom - top
        position = len(_JPEG) if frame.startswith(_JPEG) else len(frame)
        while True:
            start, marker, length = struct.unpack_from(">BBH", frame, position)
            if start != 0xFF:
                raise ValueError("no marker where one must be")
            if marker in _STARTS_OF_FRAME:
                height, width = struct.unpack_from(">HH", frame, position + 5)
                return width, height
            position += 2 + length
    except struct.error as error:
        raise ValueError("the frame ends before its size") from error
