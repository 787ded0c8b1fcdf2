"""Decoders of compressed DICOM that pydicom does not bring: a plugin for its registry.

https://pydicom.github.io/pydicom/stable/guides/decoding/decoder_plugins.html
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from pydicom import uid

from images.jpeg_lossless import lossless_pixels

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import DecodeRunner

_END_OF_IMAGE = b"\xff\xd9"  # T.81, B.1.1.3


def decode_frame(frame: bytes, runner: "DecodeRunner") -> bytes:
    """The pixels of one frame; pydicom asks for them.

    Raises
    ------
    Exception
        Of the decoder: the frame is damaged.
    """
    pixels = _DECODERS[runner.transfer_syntax](frame)
    runner.set_option("bits_allocated", pixels.itemsize * 8)
    return pixels.tobytes()


def _twelve_bits(frame: bytes) -> NDArray[Any]:
    from imagecodecs import jpeg8_decode  # noqa: PLC0415 - only who reads such a file pays for it

    if not frame.rstrip(b"\0").endswith(_END_OF_IMAGE):  # libjpeg-turbo would make up what is missing
        raise ValueError("the frame is cut off")
    pixels: NDArray[Any] = jpeg8_decode(frame)
    return pixels


def _jpeg_ls(frame: bytes) -> NDArray[Any]:
    from imagecodecs import jpegls_decode  # noqa: PLC0415 - as above

    pixels: NDArray[Any] = jpegls_decode(frame)
    return pixels


def _jpeg_2000(frame: bytes) -> NDArray[Any]:
    from imagecodecs import jpeg2k_decode  # noqa: PLC0415 - as above

    pixels: NDArray[Any] = jpeg2k_decode(frame)
    return pixels


_DECODERS: dict[str, Callable[[bytes], NDArray[Any]]] = {
    uid.JPEGExtended12Bit: _twelve_bits,
    uid.JPEGLossless: lossless_pixels,
    uid.JPEGLosslessSV1: lossless_pixels,
    uid.JPEGLSLossless: _jpeg_ls,
    uid.JPEGLSNearLossless: _jpeg_ls,
    uid.HTJ2KLossless: _jpeg_2000,
    uid.HTJ2KLosslessRPCL: _jpeg_2000,
    uid.HTJ2K: _jpeg_2000,
}
DECODER_DEPENDENCIES = dict.fromkeys(_DECODERS, ("imagecodecs",))
"""pydicom looks for it."""


def is_available(syntax: str) -> bool:
    """Whether frames of this transfer syntax are decoded here; pydicom asks."""
    return syntax in _DECODERS


@functools.cache
def register() -> None:
    """Tell pydicom."""
    from pydicom.pixels import get_decoder  # noqa: PLC0415 - pixels are imported with the first of them

    for syntax in _DECODERS:
        get_decoder(syntax).add_plugin("headct", (__name__, decode_frame.__name__))
