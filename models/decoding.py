"""From the bytes of an image file to a grey array, or to the reason why not."""

import ctypes
import warnings
from contextlib import suppress

import cv2
import numpy as np
import pyspng
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError, _imaging

from core.errors import ImageTooLarge, NotACtSlice, RejectedImage, UnreadableImage
from models.bounded import PARSER_ERRORS, BoundedFile
from models.codestream import check_scans
from models.colour import is_photograph
from models.dicom import decode_dicom, is_dicom
from models.png import check_chunks
from models.size import check_size, too_large

FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
DEFAULT_MAX_PIXELS = 20_000_000

GreyImage = NDArray[np.uint8] | NDArray[np.float32]

_PLAIN_COLOURS = (0, 2, 6)  # of PNG: grey, RGB, RGBA
_JPEG_FORMATS = ("JPEG", "MPO")  # MPO: several JPEG images in one file, of which the first is read
_DEEP_MODES = ("I", "F")  # and every "I;16*"
_PNG_TEXT_LIMIT = "MAX_TEXT_"
"""In Pillow's errors about text that unpacks to more than PngImagePlugin allows: 1 MiB, 64 MiB in all."""

_GREATEST = 1e37
"""Of a float pixel; the difference of two is still a float32."""

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
        (ITU-R BT.601), transparent parts become black, which is air in CT. DICOM: see `models.dicom`.

    Raises
    ------
    UnreadableImage
        Empty, of no allowed format, truncated, damaged, or made to take long (docs/hostile-input.md).
    ImageTooLarge, ImageTooSmall
    NotACtSlice
        A photograph in colour (see `models.colour`), a narrow strip, or DICOM that is no CT slice.
    """
    if not data:
        raise UnreadableImage("The file is empty. Export the slice again.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            Image.MAX_IMAGE_PIXELS = max_pixels
            return decode_dicom(data, max_pixels) if is_dicom(data) else _grey(_open(data, max_pixels), data)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise too_large(max_pixels) from error
    except (MemoryError, cv2.error) as error:  # OpenCV is given nothing else that it could refuse
        raise ImageTooLarge(
            "Decoding this file takes more memory than a worker process may have. Export the slice again."
        ) from error
    except RejectedImage:
        raise
    except PARSER_ERRORS as error:
        if _PNG_TEXT_LIMIT in str(error):
            raise UnreadableImage(
                "The PNG's text or colour profile unpacks to far more than a slice needs. "
                "Export the slice without such data."
            ) from error
        raise UnreadableImage(
            "The image is truncated or damaged: its pixels cannot be decoded. Copy or export it again."
        ) from error


def _open(data: bytes, max_pixels: int) -> Image.Image:
    file = BoundedFile(data)
    file.begin_header()
    try:
        image = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise UnreadableImage(
            "The file is not a PNG, JPEG, TIFF or BMP image, nor DICOM. Export it as one of these."
        ) from error
    file.end_header()
    check_size(*image.size, max_pixels)
    if image.format in _JPEG_FORMATS:
        check_scans(data)
    return image


def _grey(image: Image.Image, data: bytes) -> GreyImage:
    if _is_plain_png(image, data):
        check_chunks(data)
        pixels = pyspng.load(data)
    else:
        image.load()
        if image.mode in _DEEP_MODES or image.mode.startswith("I;16"):
            return _stretched(np.asarray(image, dtype=np.float32))
        if image.mode in ("1", "L") and not image.has_transparency_data:
            return np.asarray(image.convert("L"))
        pixels = np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        pixels = _on_black(pixels)
    if pixels.ndim == 2:
        return np.asarray(pixels)
    if is_photograph(pixels):
        raise NotACtSlice(
            "The image is a photograph or drawing in colour, not a CT slice. "
            "Submit axial head-CT slices, in grey."
        )
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))


def _is_plain_png(image: Image.Image, data: bytes) -> bool:
    """Whether it is a PNG as nearly all are, which libspng decodes in three quarters of Pillow's time.

    Pillow has read all that stands before the pixels, and refused what is no header of an image. What has
    another depth, a palette, several frames or a transparent colour, or is interlaced, stays with Pillow.
    """
    # PNG 3rd ed., 11.2.1: depth, kind of colour, and at the end interlacing, from byte 24 on.
    depth, colour, interlacing = data[24], data[25], data[28]
    plain = depth == 8 and colour in _PLAIN_COLOURS and interlacing == 0
    single = "transparency" not in image.info and not getattr(image, "is_animated", False)
    return image.format == "PNG" and plain and single


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
