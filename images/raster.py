"""PNG, JPEG, TIFF and BMP files that Pillow opens: to a grey array, shown as the file says.

docs/formats.md lists the fields that are followed.
"""

import struct
from contextlib import suppress
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageChops, UnidentifiedImageError

from core.errors import NotACtSlice, UnreadableImage
from core.reasons import ReasonCode
from images.bounded import BoundedFile
from images.codestream import check_scans
from images.colour import is_photograph
from images.jpeg import is_plain, jpeg_pixels
from images.libtiff import strictly
from images.png import SIGNATURE, check_rows, depth_of, plain_pixels, plain_png
from images.shown import Grey, Pixels, in_square_pixels, on_black, stretched, upright
from images.size import check_size
from images.tiff import (
    BITS,
    DENSITIES,
    ON_THEIR_SIDE,
    ORIENTATION,
    check_jpeg_parts,
    deep_values,
    skip_thumbnails,
    tags_of,
)

FORMATS = ("PNG", "JPEG", "TIFF", "BMP")

_JPEG_FORMATS = ("JPEG", "MPO")  # MPO: several JPEG images in one file, of which the first is read
_STARTS = (SIGNATURE, b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"BM")
_DARK = 64
"""Of 255. Where 16 bits of colour become 8 and nothing is brighter, their upper bits were not used."""


def decode_raster(data: bytes, max_pixels: int) -> Grey:
    """Decode a PNG, JPEG, TIFF or BMP file; as `images.decoding.decode`.

    Raises
    ------
    RejectedImage
    MemoryError, and what parsers raise on damaged bytes
    """
    plain = plain_png(data)
    if plain is not None:
        check_size(plain.width, plain.height, max_pixels)
        return _to_grey(plain_pixels(data, plain))
    image = _open(data, max_pixels)
    pixel = _size_of_pixel(image)
    if image.format in _JPEG_FORMATS and is_plain(image.mode):
        grey = _to_grey(jpeg_pixels(data, image.mode, image.size))
    else:
        if image.format == "PNG":
            check_rows(data)
        check_jpeg_parts(data, tags_of(image))
        with strictly():
            image.load()
        grey = _loaded(
            image, depth_of(data) if image.format == "PNG" else max(tags_of(image).get(BITS, (8,)))
        )
    grey = in_square_pixels(grey, *pixel, max_pixels)
    # Pillow has turned a TIFF by itself.
    return grey if image.format == "TIFF" else upright(grey, _orientation(image))


def _open(data: bytes, max_pixels: int) -> Image.Image:
    file = BoundedFile(data)
    file.begin_header()
    try:
        image = Image.open(file, formats=FORMATS)
        skip_thumbnails(image)
    except UnidentifiedImageError as error:
        raise _unknown(data) from error
    except OSError as error:
        if str(error).startswith("Unsupported BMP"):
            raise _unknown(data) from error
        raise
    file.end_header()
    check_size(*image.size, max_pixels)
    if image.format in _JPEG_FORMATS:
        check_scans(data)
    return image


def _unknown(data: bytes) -> UnreadableImage:
    if data.startswith(_STARTS):
        return UnreadableImage(
            ReasonCode.UNSUPPORTED,
            "The image is truncated or damaged in its header, or has pixels of a kind that is not read. "
            "Export the slice again, as PNG in grey of 8 or 16 bits.",
        )
    return UnreadableImage(
        ReasonCode.NOT_AN_IMAGE,
        "The file is not a PNG, JPEG, TIFF or BMP image, nor DICOM. Export it as one of these.",
    )


def _loaded(image: Image.Image, depth: int) -> Grey:
    """Grey of pixels that Pillow has decoded, of that many bits a channel."""
    deep = deep_values(image)
    if deep is not None:
        return stretched(*deep)
    transparent = image.info.get("transparency")
    if image.mode in ("1", "L") and not isinstance(transparent, bytes):
        grey = np.array(image.convert("L"), dtype=np.uint8)
        if transparent is not None:  # for "L" as it is in the file, not as it is stretched to 8 bits
            grey[grey == transparent * (255 // (2**depth - 1) if image.mode == "L" else 1)] = 0
        return grey
    if image.mode == "LAB":
        lab = np.array(image)
        lab[:, :, 1:] ^= 128  # signed in the file, and for OpenCV with an offset
        return _to_grey(np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), dtype=np.uint8))
    if image.mode == "La":  # multiplied by alpha; Pillow has but one way from it
        image = image.convert("LA")
    if image.mode == "CMYK" and image.format in _JPEG_FORMATS and "adobe" not in image.info:
        image = ImageChops.invert(image)  # Pillow takes each for Adobe's, whose ink is inverted
    if depth == 16 and isinstance(transparent, tuple):
        image.info["transparency"] = tuple(level >> 8 for level in transparent)
    pixels = np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"), dtype=np.uint8)
    if depth == 16 and pixels[..., :3].max() < _DARK:
        raise UnreadableImage(
            ReasonCode.UNSUPPORTED,
            "The image has colour of 16 bits a channel, of which it uses the lower ones only. "
            "Export the slice in grey.",
        )
    return _to_grey(pixels)


def _to_grey(pixels: Pixels) -> Grey:
    """Luminance of grey, RGB or RGBA; stretched where it has more than 8 bits."""
    if pixels.ndim == 3:
        if pixels.shape[2] == 4:
            pixels = on_black(pixels)
        if is_photograph(_in_8_bits(pixels)):
            raise NotACtSlice(
                ReasonCode.IN_COLOUR,
                "The image is a photograph or drawing in colour, not a CT slice. "
                "Submit axial head-CT slices, in grey.",
            )
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)  # type: ignore[assignment]  # OpenCV knows no depth
    if pixels.dtype == np.uint8:
        return pixels  # type: ignore[return-value]
    return stretched(pixels.astype(np.float32))


def _in_8_bits(pixels: Pixels) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return pixels  # type: ignore[return-value]
    return np.asarray(cv2.convertScaleAbs(pixels, alpha=255.0 / max(1, int(pixels.max()))), dtype=np.uint8)


def _orientation(image: Image.Image) -> int:
    """That of EXIF; 1, upright, where there is none or it cannot be read."""
    with suppress(OSError, SyntaxError, ValueError, TypeError, LookupError, struct.error):
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
        return value if isinstance(value, int) else 1
    return 1


def _size_of_pixel(image: Image.Image) -> tuple[float, float]:
    """Width and height of a pixel, in whatever unit, as it will be once a TIFF is turned."""
    tags, info = tags_of(image), image.info
    per_unit: Any = info.get("jfif_density") or info.get("dpi") or info.get("aspect")
    if tags:
        per_unit = tuple(tags.get(density) for density in DENSITIES)
    try:
        across, down = (float(density) for density in per_unit)
        return (across, down) if tags.get(ORIENTATION) in ON_THEIR_SIDE else (down, across)
    except (TypeError, ValueError, ZeroDivisionError):
        return 1.0, 1.0
