"""A gzip file, unpacked as it is read: forward only, its checksums compared, in bounded memory."""

import zlib
from collections.abc import Callable
from typing import BinaryIO

from images.bounded import MAX_READS, too_many_pieces

_PACKED, _UNPACKED = 2**16, 2**18
_GZIP_ONLY = 16 + zlib.MAX_WBITS
_MAGIC = b"\x1f\x8b"  # RFC 1952, 2.3.1


class Gunzipped:
    """What a gzip file holds. The library's own reader takes the bytes of a header one by one.

    Parameters
    ----------
    spend
        Called with the number of bytes that were unpacked; it may raise.
    """

    def __init__(self, file: BinaryIO, spend: Callable[[int], None]) -> None:
        self._file, self._spend = file, spend
        self._unpacker = zlib.decompressobj(_GZIP_ONLY)
        self._packed, self._unpacked = b"", b""
        self._position, self._members_left = 0, MAX_READS
        self._ended = False

    def tell(self) -> int:
        """How many bytes were read."""
        return self._position

    def seek(self, position: int) -> None:
        """Read on to there.

        Raises
        ------
        ValueError
            It lies behind.
        """
        if position < self._position:
            raise ValueError("a gzip file is read forward")
        while self._position < position:
            if not self.read(min(_UNPACKED, position - self._position)):
                return

    def read(self, size: int) -> bytes:
        """So many bytes, less only at the end.

        Raises
        ------
        zlib.error, EOFError
            The file is damaged, or cut.
        """
        parts = []
        while size and self._fill():
            parts.append(self._unpacked[:size])
            self._unpacked = self._unpacked[size:]
            size -= len(parts[-1])
        block = b"".join(parts)
        self._position += len(block)
        return block

    def finish(self) -> None:
        """Read the rest, whose checksum covers all before it."""
        while self.read(_UNPACKED):
            pass

    def _fill(self) -> bool:
        while not self._unpacked and not self._ended:
            if self._unpacker.eof and not self._next_member():
                self._ended = True
                return False
            packed = self._packed or self._file.read(_PACKED)
            self._unpacked = self._unpacker.decompress(packed, _UNPACKED)
            self._packed = self._unpacker.unconsumed_tail
            if not packed and not self._unpacked and not self._unpacker.eof:
                raise EOFError("the gzip file is cut")
            self._spend(len(self._unpacked))
        return bool(self._unpacked)

    def _next_member(self) -> bool:
        """Go on with the next of several gzip files in one (RFC 1952, 2.2); what pads the end is none."""
        self._packed = self._unpacker.unused_data
        if len(self._packed) < len(_MAGIC):
            self._packed += self._file.read(_PACKED)
        self._members_left -= 1
        if self._members_left < 0:
            raise too_many_pieces()
        self._unpacker = zlib.decompressobj(_GZIP_ONLY)
        return self._packed.startswith(_MAGIC)
