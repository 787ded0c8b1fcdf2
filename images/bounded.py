"""The bytes of a file, for parsers that would take as many steps as a hostile file asks for."""

import io
import struct
import zlib
from typing import Any

from core.errors import UnreadableImage
from core.reasons import ReasonCode

PARSER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RuntimeError,  # also RecursionError, and NotImplementedError for an unknown encoding
    EOFError,
    struct.error,
    zlib.error,
)
"""What the parsers of Pillow and pydicom raise on bytes that are damaged."""
MAX_READS = 200_000
"""Reads in all, each with some microseconds of a parser's work: 3 for a chunk of PNG or a segment of JPEG, 2
for a run of BMP. A slice needs some hundred, one of 20 million pixels in chunks of 8 KiB some 10,000."""
MAX_HEADER_BYTES = 8 * 2**20
"""Read before the pixels begin: text, colour profiles, EXIF, offsets of strips (each takes 250 bytes as an
object)."""
_TIMES_ITS_SIZE, _SMALL_FILE = 8, 64 * 2**20
"""Bytes read in all: strips of a TIFF file may overlap, or be listed again and again."""


class _Bounded:
    """A file that refuses, by an `UnreadableImage`, to be read without end."""

    def __init__(self, source: Any, size: int, max_reads: int) -> None:  # noqa: ANN401 - bytes or a file
        super().__init__(source)  # type: ignore[call-arg]  # the file's class is the next base
        self._reads_left = max_reads
        self._bytes_left = _TIMES_ITS_SIZE * size + _SMALL_FILE
        self._header_left: int | None = None

    def begin_header(self) -> None:
        """What is read from now on is no pixel."""
        self._header_left = MAX_HEADER_BYTES

    def end_header(self) -> None:
        """What is read from now on may be pixels."""
        self._header_left = None

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file.

        Raises
        ------
        UnreadableImage
            It was read too often, or too much of it.
        """
        block: bytes = super().read(size)  # type: ignore[misc]  # as above
        self._reads_left -= 1
        self._bytes_left -= len(block)
        if self._reads_left < 0 or self._bytes_left < 0:
            raise too_many_pieces()
        if self._header_left is not None:
            self._header_left -= len(block)
            if self._header_left < 0:
                raise UnreadableImage(
                    ReasonCode.TOO_COMPLEX,
                    f"The file's header (text, EXIF, profile, list of strips) holds more than "
                    f"{MAX_HEADER_BYTES // 2**20} MiB. Export the slice without such data.",
                )
        return block


class BoundedFile(_Bounded, io.BytesIO):
    """In memory."""

    def __init__(self, data: bytes, max_reads: int = MAX_READS) -> None:
        super().__init__(data, len(data), max_reads)


class BoundedReader(_Bounded, io.BufferedReader):
    """On a disk, or wherever it may be read from.

    Attributes
    ----------
    name
        pydicom asks for it.
    """

    name = ""

    def __init__(self, file: Any, max_reads: int = MAX_READS) -> None:  # noqa: ANN401 - any raw file
        super().__init__(file, file.seek(0, io.SEEK_END), max_reads)
        self.seek(0)


def reserve(size: int) -> None:
    """Raise a MemoryError unless so many bytes can be had, for a decoder that could not say so itself."""
    bytearray(size)


def too_many_pieces() -> UnreadableImage:
    """The error for a file that a parser would take too many steps for."""
    return UnreadableImage(
        ReasonCode.TOO_COMPLEX,
        "The file is built of far more pieces than an image of a slice has. Export the slice again.",
    )
