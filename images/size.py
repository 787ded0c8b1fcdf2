"""How many pixels an image may have, and must."""

from core.errors import ImageTooLarge, ImageTooSmall, NotACtSlice
from core.reasons import ReasonCode

MIN_SIDE = 64
"""Least width and height in pixels; the smallest slice of the development set measures 134 x 158."""
MAX_ASPECT = 8
"""Longer over shorter side. In a narrower strip no head is found (`images.head`), but the search would take
as many steps as it has pixels, since its resolution follows from the shorter side."""


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Refuse an image by the size that its header announces, before any pixel is decoded.

    Raises
    ------
    ImageTooLarge, ImageTooSmall, NotACtSlice
    """
    if width * height > max_pixels:
        raise too_large(max_pixels)
    if min(width, height) < MIN_SIDE:
        raise ImageTooSmall(
            ReasonCode.TOO_SMALL,
            f"The image measures {width} x {height} pixels; at least {MIN_SIDE} x {MIN_SIDE} are needed. "
            "Export the slice at its own resolution.",
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise NotACtSlice(
            ReasonCode.NO_HEAD,
            f"The image measures {width} x {height} pixels, a strip that can show no head. "
            "Submit axial head-CT slices, one an image.",
        )


def too_large(max_pixels: int) -> ImageTooLarge:
    """The error for an image of more than `max_pixels`."""
    return ImageTooLarge(
        ReasonCode.TOO_LARGE,
        f"The image has more than {max_pixels:,} pixels. Export the slice at its own resolution, "
        "or raise HEADCT_MAX_PIXELS.",
    )
