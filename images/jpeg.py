"""JPEG by libjpeg-turbo in kornia-rs, which tells its warnings about damage; Pillow swallows them."""

import numpy as np
from kornia_rs.io import decode_image_jpegturbo
from numpy.typing import NDArray

from images.bounded import reserve
from images.codestream import check_complete

_NAMES = {"L": "mono", "RGB": "rgb"}
"""The modes of Pillow that it decodes, and its own names for them. CMYK is Pillow's."""
_COPIES = 4
"""Of the pixels, with room: the coefficients of a progressive image, and what is decoded."""


def is_plain(mode: str) -> bool:
    """Whether `jpeg_pixels` decodes images of this mode of Pillow."""
    return mode in _NAMES


def jpeg_pixels(data: bytes, mode: str, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The pixels of a JPEG file: (height, width), or with 3 channels behind; the same as Pillow's.

    Parameters
    ----------
    data
        The whole file.
    mode, size
        As Pillow tells them from the header.

    Raises
    ------
    ValueError
        The decoder has an error or a warning: entropy-coded data that are no codes, or too few or too many
        for the image. Or scans are missing.
    MemoryError
    """
    check_complete(data)
    # Short of memory Rust would end the process; Python fails with a MemoryError.
    reserve(_COPIES * size[0] * size[1] * (1 if mode == "L" else 3))
    try:
        pixels: NDArray[np.uint8] = decode_image_jpegturbo(data, _NAMES[mode])
    except BaseException as error:
        # A panic of Rust is none of Python's `Exception`s (PyO3, `PanicException`).
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise ValueError("the pixels cannot be decoded") from error
        raise
    if pixels.shape[1::-1] != size:
        raise ValueError("the pixels have another size than the header says")
    return pixels[:, :, 0] if pixels.shape[2:] == (1,) else pixels
