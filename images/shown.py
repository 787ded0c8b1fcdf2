"""How an image's file says that its pixels are to be shown: turned, in proportion, through what is opaque.

docs/formats.md lists the fields of each format.
"""

from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from images.size import check_size

Grey = NDArray[np.uint8] | NDArray[np.float32]
_Array = TypeVar("_Array", bound=NDArray[Any])
Pixels = NDArray[np.uint8] | NDArray[np.uint16]
"""(height, width), or with 3 or 4 channels behind."""

_GREATEST = 1e37
"""Of a float pixel; the difference of two is still a float32."""
_SQUARE, MOST_OBLONG = 1.01, 4.0
"""Longer over shorter side of a pixel: below, nobody sees it; beyond, it is a mistake of the writer."""
_FAR = 3.0
"""How many times the spread of nearly all pixels the few beyond are away that are not anatomy."""
_RARE = 1.0
"""Percent of the pixels near the others: what is between text and background, at the edges of letters."""
_SAMPLE = 65_536


def upright(pixels: Grey, orientation: int) -> Grey:
    """Turn and mirror by a value of the EXIF and TIFF tag Orientation, 1 to 8 (TIFF 6.0, section 8)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)  # type: ignore[return-value]  # it forgets which


def in_square_pixels(pixels: _Array, width: float, height: float, max_pixels: int) -> _Array:
    """Stretch one side so that pixels of this width and height, in any unit, become square.

    Raises
    ------
    ImageTooLarge, ImageTooSmall, NotACtSlice
        By the size that it has then.
    """
    if not (np.isfinite((width, height)).all() and width > 0 and height > 0):
        return pixels
    ratio = width / height
    if not _SQUARE < max(ratio, 1.0 / ratio) < MOST_OBLONG:
        return pixels
    rows, columns = pixels.shape
    shape = (round(columns * max(ratio, 1.0)), round(rows * max(1.0 / ratio, 1.0)))
    check_size(*shape, max_pixels)
    return cv2.resize(pixels, shape, interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def on_black(pixels: Pixels) -> Pixels:
    """RGB of RGBA, transparent parts black, which is air in CT.

    An image that is transparent everywhere shows nothing, which nobody means: its writer left the channel
    unset, and it is taken as opaque.
    """
    rgb, alpha = cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB), pixels[:, :, 3]
    most = np.iinfo(pixels.dtype).max
    if alpha.min() < most and alpha.max() > 0:
        cv2.multiply(rgb, cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB), dst=rgb, scale=1.0 / most)
    return rgb  # type: ignore[return-value]  # OpenCV's stubs know no depth


def stretched(values: NDArray[np.float32], hidden: float | None = None) -> NDArray[np.float32]:
    """Stretch deep pixels to 0..255, since scanners fill 12 of 16 bits, and software what it likes.

    Black and white are the least and the greatest value. Where these lie very far from nearly all others, as
    burnt-in text at 65,535 or a padding value does, it is the values that are not far. NaN is black, and so
    are pixels of the value `hidden`.
    """
    known = np.isfinite(values)
    if hidden is not None:
        known &= values != np.float32(hidden)
    if not known.any():
        return np.zeros_like(values)
    whole = known.all()
    low, high = _range(values if whole else values[known])
    low, high = max(low, -_GREATEST), min(high, _GREATEST)
    if not whole:
        values[~known & (values != np.inf)] = low
    np.clip(values, low, high, out=values)
    values -= np.float32(low)
    values *= np.float32(255.0 / max(high - low, 1e-6))
    return values


def _range(values: NDArray[np.float32]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    sample = values.ravel()[:: max(1, values.size // _SAMPLE)]
    inner = sample[(sample > low) & (sample < high)]
    if inner.size * 100 < sample.size:
        return low, high
    few, most = (float(one) for one in np.percentile(inner, (10.0, 90.0)))
    if few - low > _FAR * (high - few):
        low = float(np.percentile(sample[sample >= few - (high - few)], _RARE))
    if high - most > _FAR * (most - low):
        high = float(np.percentile(sample[sample <= most + (most - low)], 100.0 - _RARE))
    return low, high
