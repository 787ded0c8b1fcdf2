"""From the bytes of an image file to a grey array, or to the reason why not."""

import ctypes
import warnings
from contextlib import suppress

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError, _imaging

from core.errors import ImageTooLarge, NotACtSlice, RejectedImage, UnreadableImage
from core.reasons import ReasonCode
from images.bounded import PARSER_ERRORS, BoundedFile
from images.codestream import check_scans
from images.colour import is_photograph
from images.dicom import decode_dicom, is_dicom
from images.png import plain_pixels, plain_png
from images.size import check_size, too_large

FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
DEFAULT_MAX_PIXELS = 20_000_000

GreyImage = NDArray[np.uint8] | NDArray[np.float32]

_JPEG_FORMATS = ("JPEG", "MPO")  # MPO: several JPEG images in one file, of which the first is read
_DEEP_MODES = ("I", "F")  # and every "I;16*"
_PNG_TEXT_LIMIT = "MAX_TEXT_"
"""In Pillow's errors about text that unpacks to more than PngImagePlugin allows: 1 MiB, 64 MiB in all."""

_GREATEST = 1e37
"""Of a float pixel; the difference of two is still a float32."""

cv2.setNumThreads(1)  # for all who use it here: one process per core, and images that are small for a thread

# libtiff prints what it finds wrong, up to a line for each row of an image, in pieces that break the lines of
# other processes in the same log. Pillow raises an error anyway.
with suppress(AttributeError, OSError):
    ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)


def decode(data: bytes, max_pixels: int = DEFAULT_MAX_PIXELS) -> GreyImage:
    """Decode a DICOM, PNG, JPEG, TIFF (first page) or BMP file to grey.

    Parameters
    ----------
    data
        The whole file.
    max_pixels
        Greatest width x height; checked on the header, before any pixel is decoded.

    Returns
    -------
    array of shape (height, width)
        uint8 where the file has 8 bits a channel; float32 where it has more, stretched to 0..255 from the
        image's own least and greatest value, as scanners often fill 12 of 16 bits. Colour becomes luminance
        (ITU-R BT.601), transparent parts become black, which is air in CT. DICOM: see `images.dicom`.

    Raises
    ------
    UnreadableImage
        Empty, of no allowed format, truncated, damaged, or made to take long (docs/hostile-input.md).
    ImageTooLarge, ImageTooSmall
    NotACtSlice
        A photograph in colour (see `images.colour`), a narrow strip, or DICOM that is no CT slice.
    """
    if not data:
        raise UnreadableImage(ReasonCode.EMPTY, "The file is empty. Export the slice again.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            Image.MAX_IMAGE_PIXELS = max_pixels
            return decode_dicom(data, max_pixels) if is_dicom(data) else _grey(data, max_pixels)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise too_large(max_pixels) from error
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


def _open(data: bytes, max_pixels: int) -> Image.Image:
    file = BoundedFile(data)
    file.begin_header()
    try:
        image = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise UnreadableImage(
            ReasonCode.NOT_AN_IMAGE,
            "The file is not a PNG, JPEG, TIFF or BMP image, nor DICOM. Export it as one of these.",
        ) from error
    file.end_header()
    check_size(*image.size, max_pixels)
    if image.format in _JPEG_FORMATS:
        check_scans(data)
    return image


def _grey(data: bytes, max_pixels: int) -> GreyImage:
    plain = plain_png(data)
    if plain is not None:
        check_size(plain.width, plain.height, max_pixels)
        pixels = plain_pixels(data, plain)
    else:
        image = _open(data, max_pixels)
        image.load()
        if image.mode in _DEEP_MODES or image.mode.startswith("I;16"):
            return _stretched(np.asarray(image, dtype=np.float32))
        if image.mode in ("1", "L") and not image.has_transparency_data:
            return np.asarray(image.convert("L"))
        pixels = np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"), dtype=np.uint8)
    if pixels.ndim == 2:
        return pixels
    if pixels.shape[2] == 4:
        pixels = _on_black(pixels)
    if is_photograph(pixels):
        raise NotACtSlice(
            ReasonCode.IN_COLOUR,
            "The image is a photograph or drawing in colour, not a CT slice. "
            "Submit axial head-CT slices, in grey.",
        )
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _on_black(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rgb, alpha = cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB), rgba[:, :, 3]
    if alpha.min() < 255:
        cv2.multiply(rgb, cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB), dst=rgb, scale=1.0 / 255.0)
    return np.asarray(rgb, dtype=np.uint8)


def _stretched(values: NDArray[np.float32]) -> NDArray[np.float32]:
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    np.clip(values, -_GREATEST, _GREATEST, out=values)
    low, high = float(values.min()), float(values.max())
    values -= np.float32(low)
    values *= np.float32(255.0 / max(high - low, 1e-6))
    return values
