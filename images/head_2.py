"""Finding the head, as version 2 of the preprocessing does it (`images.preprocessing_2`)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from core.errors import NotACtSlice
from core.reasons import ReasonCode
from images.decoding import GreyImage

_SEARCH_SIDE = 64
"""Least side of the reduced image, in pixels: coarse enough to close the sutures of the skull."""
_COARSE = 0.7
"""A head that is this much smaller than the image, as in a scanner's whole field of view, is looked at again
with finer cells: with the image's its tilt would be wrong by 1 to 3 degrees, its centre by up to 4 pixels."""
_BONE = 0.62
"""Bone is brighter than this fraction of the image's brightest part (its 99.5th percentile)."""
_MIN_AREA = 0.06
_MIN_FILL = 0.55
"""A head fills more of its bounding box than this; an ellipse fills 0.785."""
_MAX_ASPECT = 2.2
_RADII, _ANGLES = 24, 180
_UNIT_RADII = (np.arange(_RADII) + 0.5) * (1.15 / _RADII)
_UNIT_Y = np.outer(_UNIT_RADII, np.cos(2.0 * np.pi * np.arange(_ANGLES) / _ANGLES))
_UNIT_X = np.outer(_UNIT_RADII, np.sin(2.0 * np.pi * np.arange(_ANGLES) / _ANGLES))
_DOUBLED = (np.arange(_ANGLES) * (360.0 / _ANGLES) + 180.0) % 360.0 - 180.0
_NEIGHBOURS = np.ones((3, 3), dtype=np.bool_)


@dataclass(frozen=True)
class Head:
    """Where the head is.

    Attributes
    ----------
    mask
        bool (h, w): the head, in the image reduced by `reduction`.
    reduction
        Pixels of the image per pixel of the mask.
    row, column
        Centre of the head in pixels of the image.
    tilt
        Degrees, counter-clockwise, by which the head's axis of symmetry leans.
    extent
        Longest side of the upright head's bounding box, in pixels of the image.
    """

    mask: NDArray[np.bool_]
    reduction: int
    row: float
    column: float
    tilt: float
    extent: float

    def affine(self, side: int, pixels_per_output: float, reduction: int) -> tuple[float, ...]:
        """Coefficients for `Image.transform`, from the upright square of `side` to the reduced image."""
        scale = pixels_per_output / reduction
        cosine, sine = np.cos(np.radians(self.tilt)) * scale, np.sin(np.radians(self.tilt)) * scale
        middle = side / 2.0
        x0 = self.column / reduction - cosine * middle - sine * middle
        y0 = self.row / reduction + sine * middle - cosine * middle
        return float(cosine), float(sine), float(x0), float(-sine), float(cosine), float(y0)


def find_head(image: GreyImage, max_tilt: float) -> Head:
    """Find the largest bright ring and the direction in which it is most symmetric.

    Raises
    ------
    NotACtSlice
        Nothing in the image has the size and shape of a head.
    """
    head = _find_at(image, max(1, min(image.shape) // _SEARCH_SIDE), max_tilt)
    closer = max(1, int(head.extent) // _SEARCH_SIDE)
    return _find_at(image, closer, max_tilt) if closer < _COARSE * head.reduction else head


def _find_at(image: GreyImage, reduction: int, max_tilt: float) -> Head:
    """Find the head in the image reduced by that factor."""
    picture = Image.fromarray(image)
    small = np.asarray(picture.reduce(reduction) if reduction > 1 else picture, dtype=np.float32)
    mask = _outline(small)
    rows, columns = np.nonzero(mask)
    _check_shape(rows, columns, small.size)
    row, column = float(rows.mean()), float(columns.mean())
    tilt = _tilt(np.where(mask, small, np.float32(0)), row, column, max_tilt)
    y, x = rows - np.float32(row), columns - np.float32(column)
    cosine, sine = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
    across, along = cosine * x - sine * y, sine * x + cosine * y
    left, right, top, bottom = across.min(), across.max(), along.min(), along.max()
    middle_across, middle_along = (left + right) / 2.0, (top + bottom) / 2.0
    return Head(
        mask=mask,
        reduction=reduction,
        row=float((row - sine * middle_across + cosine * middle_along + 0.5) * reduction),
        column=float((column + cosine * middle_across + sine * middle_along + 0.5) * reduction),
        tilt=tilt,
        extent=float((max(right - left, bottom - top) + 1.0) * reduction),
    )


def _outline(small: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The filled head; gaps in the ring (frontal sinus, cropped edge) do not matter."""
    levels = np.sort(small[::3, ::2], axis=None)
    bottom, top = float(levels[levels.size // 100]), float(levels[-1 - levels.size // 200])
    if top - bottom < 0.1 * max(top, 1.0):
        raise NotACtSlice(
            ReasonCode.BLANK, "The image is blank: nothing in it can be a head. Submit axial head-CT slices."
        )
    labels, count = ndimage.label(_without_frame(small > _BONE * top), structure=_NEIGHBOURS)
    boxes = ndimage.find_objects(labels)
    spans = [(box[0].stop - box[0].start) * (box[1].stop - box[1].start) for box in boxes]
    if count == 0 or max(spans) < _MIN_AREA * small.size:
        raise NotACtSlice(
            ReasonCode.NO_HEAD,
            "No head is found in the image. Submit axial head-CT slices, bone shown bright.",
        )
    return _filled(labels == int(np.argmax(spans)) + 1)


def _check_shape(rows: NDArray[np.intp], columns: NDArray[np.intp], pixels: int) -> None:
    shorter, longer = sorted((float(np.ptp(rows)) + 1.0, float(np.ptp(columns)) + 1.0))
    too_thin = rows.size < _MIN_FILL * shorter * longer or longer > _MAX_ASPECT * shorter
    if too_thin or rows.size < _MIN_AREA * pixels:
        raise NotACtSlice(
            ReasonCode.NO_HEAD, "Nothing in the image has the shape of a head. Submit axial head-CT slices."
        )


def _filled(ring: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels that see the ring in at least three of the four directions."""
    accumulate = np.logical_or.accumulate
    left, right = accumulate(ring, axis=1), accumulate(ring[:, ::-1], axis=1)[:, ::-1]
    above, below = accumulate(ring, axis=0), accumulate(ring[::-1], axis=0)[::-1]
    return np.asarray(((left & right) & (above | below)) | ((above & below) & (left | right)))


def _without_frame(bright: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Blank the bright strips along the edges: a page's white border, a banner with a caption."""
    for view in (bright, bright[::-1], bright.T, bright.T[::-1]):
        least, strip = 0.9 * view.shape[1], 0
        while strip < len(view) and np.count_nonzero(view[strip]) > least:
            strip += 1
        view[:strip] = False
    return bright


def _tilt(head: NDArray[np.float32], row: float, column: float, max_tilt: float) -> float:
    """Lean of the axis of symmetry in degrees, within +-`max_tilt`.

    In polar coordinates about the centre, mirroring at an axis of angle a takes f(r, p) to f(r, 2a - p). The
    agreement of f with its mirror image for all axes at once is therefore the circular convolution of f with
    itself over p, which one FFT gives.
    """
    radius = 0.5 * float(np.sqrt((head > 0).sum()))
    height, width = head.shape
    y = np.clip(row + 0.5 + radius * _UNIT_Y, 0, height - 1).astype(np.intp)
    x = np.clip(column + 0.5 + radius * _UNIT_X, 0, width - 1).astype(np.intp)
    polar = head.ravel().take(y * width + x)
    spectrum = np.fft.rfft(polar, axis=1)
    spectrum[:, 0] = 0.0
    agreement = np.fft.irfft(np.einsum("r,rk->k", _UNIT_RADII, spectrum**2), n=_ANGLES)
    allowed = np.abs(_DOUBLED) <= 2.0 * max_tilt
    return float(_DOUBLED[np.argmax(np.where(allowed, agreement, -np.inf))] / 2.0)
