"""From the bytes of an image file to a grey array, or to the reason why not."""

import contextlib
import warnings
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import ImageTooLarge, RejectedImage, UnreadableImage
from core.reasons import ReasonCode
from images.bounded import PARSER_ERRORS
from images.dicom import Measured, decode_dicom, measured_dicom
from images.dicom_file import is_dicom
from images.dicom_kind import encrypted, is_encrypted
from images.noted import Noted
from images.raster import decode_raster

DEFAULT_MAX_PIXELS = 20_000_000

GreyImage = NDArray[np.uint8] | NDArray[np.float32]

_PNG_TEXT_LIMIT = "MAX_TEXT_"
"""In Pillow's errors about text that unpacks to more than PngImagePlugin allows: 1 MiB, 64 MiB in all."""

# For the whole process, and never changed: a limit or a filter that each call sets is shared by its threads.
Image.MAX_IMAGE_PIXELS = None  # `check_size` looks, before a pixel is decoded
warnings.filterwarnings("ignore", module=r"(images|PIL|pydicom)\b")  # what matters is refused, or noted
cv2.setNumThreads(1)  # for all who use it here: one process per core, and images that are small for a thread


def decode(data: bytes, max_pixels: int = DEFAULT_MAX_PIXELS, noted: Noted | None = None) -> GreyImage:
    """Decode a DICOM, PNG, JPEG, TIFF (first page) or BMP file to grey, shown as the file says.

    docs/formats.md lists what of a file is followed, and what is not.

    Parameters
    ----------
    data
        The whole file.
    max_pixels
        Greatest width x height; checked on the header, before any pixel is decoded.
    noted
        Takes what else the file says, also where it is rejected.

    Returns
    -------
    array of shape (height, width)
        uint8 where the file has 8 bits a channel; float32 where it has more, stretched to 0..255 (see
        `images.shown.stretched`). Colour becomes luminance (ITU-R BT.601), transparent parts become black,
        which is air in CT. DICOM: see `images.dicom`.

    Raises
    ------
    UnreadableImage
        Empty, of no allowed format, truncated, damaged, or made to take long (docs/hostile-input.md).
    ImageTooLarge, ImageTooSmall
    NotACtSlice
        A photograph in colour (see `images.colour`), a narrow strip, or DICOM that is no CT slice.
    """
    with _refusing(data):
        if is_dicom(data):
            return decode_dicom(data, max_pixels, noted or Noted())
        return _raster(data, max_pixels)


def measure(data: bytes, max_pixels: int = DEFAULT_MAX_PIXELS) -> Measured:
    """As `decode`, for a viewer: HU where the file is DICOM, else grey in 0..255."""
    with _refusing(data):
        if is_dicom(data):
            return measured_dicom(data, max_pixels)
        return Measured(np.rint(_raster(data, max_pixels)).astype(np.uint8), None)


def _raster(data: bytes, max_pixels: int) -> GreyImage:
    if is_encrypted(data):
        raise encrypted()
    return decode_raster(data, max_pixels)


@contextlib.contextmanager
def _refusing(data: bytes) -> Iterator[None]:
    """In the block a file is decoded: why it cannot be is told as for a person."""
    if not data:
        raise UnreadableImage(ReasonCode.EMPTY, "The file is empty. Export the slice again.")
    try:
        yield
    except (MemoryError, cv2.error) as error:  # OpenCV is given nothing else that it could refuse
        raise ImageTooLarge(
            ReasonCode.TOO_LARGE,
            "Decoding this file takes more memory than a worker process may have. Export the slice again.",
        ) from error
    except RejectedImage:
        raise
    except PARSER_ERRORS as error:
        if _PNG_TEXT_LIMIT in str(error):
            raise UnreadableImage(
                ReasonCode.TOO_COMPLEX,
                "The PNG's text or colour profile unpacks to far more than a slice needs. "
                "Export the slice without such data.",
            ) from error
        raise UnreadableImage(
            ReasonCode.DAMAGED,
            "The image is truncated or damaged: its pixels cannot be decoded. Copy or export it again.",
        ) from error
