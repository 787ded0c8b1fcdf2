"""What the tags of a TIFF file say, beyond what Pillow makes of them. Their numbers are those of TIFF 6.0."""

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from images.bounded import too_many_pieces
from images.codestream import check_scans, frame_shape
from images.jpeg import jpeg_pixels

BITS, DENSITIES, ORIENTATION = 258, (282, 283), 274
ON_THEIR_SIDE = (5, 6, 7, 8)
"""Orientations whose rows are columns."""

_SUBFILE, _OLD_SUBFILE, _COMPRESSION, _PHOTOMETRIC, _SAMPLE_FORMAT = 254, 255, 259, 262, 339
_WIDTH, _HEIGHT, _SAMPLES, _ROWS_PER_STRIP, _PLANAR = 256, 257, 277, 278, 284
_STRIPS, _TILES, _TABLES = (273, 279), (324, 325), 347
_TILE_SIDES = (322, 323)
_REDUCED_OR_MASK, _OLD_REDUCED = 0b101, 2
_WHITE_IS_ZERO, _BLACK_IS_ZERO = 0, 1
_SIGNED = 2
_JPEG = 7
_GDAL_NODATA = 42113
_MOST_PARTS = 16_384
"""Strips of one row each of the highest image of 20 million pixels, and more."""
_MOST_PAGES_BEFORE = 8
"""Thumbnails and masks before the image itself."""

for _key, _modes in tuple(TiffImagePlugin.OPEN_INFO.items()):  # Pillow knows few where white is zero
    if _key[1] == _BLACK_IS_ZERO and _modes[0].startswith(("I", "F")):
        TiffImagePlugin.OPEN_INFO.setdefault((_key[0], _WHITE_IS_ZERO, *_key[2:]), _modes)


def tags_of(image: Image.Image) -> Mapping[int, Any]:
    """The tags of the page that is open; none of what is no TIFF."""
    return image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}


def skip_thumbnails(image: Image.Image) -> None:
    """Go to the first page that is an image of its own, if there is one."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return
    with suppress(EOFError):
        for page in range(1, _MOST_PAGES_BEFORE + 1):
            tags = image.tag_v2
            if not (int(tags.get(_SUBFILE, 0)) & _REDUCED_OR_MASK or tags.get(_OLD_SUBFILE) == _OLD_REDUCED):
                return
            image.seek(page)
    image.seek(0)


def check_jpeg_parts(data: bytes, tags: Mapping[int, Any]) -> None:
    """Refuse a damaged strip or tile of JPEG, of which libtiff tells only some.

    Raises
    ------
    UnreadableImage
        It would take long.
    ValueError
    """
    planes = 1 if tags.get(_PLANAR, 1) == 1 else tags.get(_SAMPLES, 1)
    mode = {1: "L", 3: "RGB"}.get(tags.get(_SAMPLES, 1) // planes)
    if tags.get(_COMPRESSION) != _JPEG or mode is None:
        return
    tiled = _TILES[0] in tags
    width, height = (tags[side] for side in (_TILE_SIDES if tiled else (_WIDTH, _HEIGHT)))
    largest = width * (height if tiled else min(height, tags.get(_ROWS_PER_STRIP, height)))
    offsets, counts = (tags.get(tag, ()) for tag in (_TILES if tiled else _STRIPS))
    if len(offsets) > _MOST_PARTS:
        raise too_many_pieces()
    tables = bytes(tags.get(_TABLES, b""))[:-2]  # without its end marker; a part goes on behind its start
    for offset, count in zip(offsets, counts, strict=True):
        part = data[offset : offset + count]
        stream = tables + part[2:] if tables else part
        check_scans(stream)
        size = frame_shape(stream)[:2]
        if size[0] * size[1] > largest:
            raise ValueError("a part is larger than the image says")
        jpeg_pixels(stream, mode, size)


def deep_values(image: Image.Image) -> tuple[NDArray[np.float32], float | None] | None:
    """Of pixels that are numbers, not levels of a display: these, brighter ones greater, and which is hidden.

    None for others.
    """
    tags = tags_of(image)
    kind = tags.get(_SAMPLE_FORMAT, (1,))[0] if tags else None
    of_bytes = image.mode == "L" and kind == _SIGNED
    if not (of_bytes or image.mode.startswith(("I", "F"))):
        return None
    stored: NDArray[Any] = np.asarray(image)
    if of_bytes:
        stored = stored.view(np.int8)
    elif image.mode == "I" and kind == 1:
        stored = stored.view(np.uint32)  # for which Pillow has no mode
    hidden = math.nan
    with suppress(ValueError, TypeError):
        hidden = float(image.info.get("transparency", str(tags.get(_GDAL_NODATA)).strip(" \0")))
    if stored.dtype.kind in "iu" and stored.dtype.itemsize == 4:  # of more bits than a float32 has
        least = int(stored.min())
        stored, hidden = stored.view(np.uint32) - np.uint32(least % 2**32), hidden - least
    sign = -1.0 if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else 1.0
    values = stored.astype(np.float32)
    if sign < 0:
        np.negative(values, out=values)  # no arithmetic, of which a signalling NaN would be told
    return values, None if math.isnan(hidden) else sign * hidden
