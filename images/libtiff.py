"""What libtiff, within Pillow, says of a file that it decodes all the same."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from PIL import _imaging

_errors: list[bytes | None] = []


@ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
def _record(_module: bytes | None, text: bytes | None, _values: int | None) -> None:
    _errors.append(text)


# It would print them, up to a line for each row of an image, in pieces that break the lines of other
# processes in the same log.
with suppress(AttributeError, OSError):
    ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(_record)


@contextmanager
def strictly() -> Iterator[None]:
    """Raise a ValueError at the end of the block if libtiff found an error in it, though it went on.

    So do its decoders of JPEG and fax, which leave wrong pixels behind.
    """
    _errors.clear()
    yield
    if _errors:
        raise ValueError("libtiff found damage")
