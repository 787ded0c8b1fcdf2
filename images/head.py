"""Finding the head in a slice: its outline, its upright direction and its size."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import NotACtSlice
from core.reasons import ReasonCode
from images.decoding import GreyImage

_SEARCH_SIDE = 72
"""Least side of the reduced image, in pixels: coarse enough to close the sutures of the skull."""
_COARSE = 0.7
"""A head that is this much smaller than the image, as in a scanner's whole field of view, is looked at again
with finer cells: with the image's its tilt would be wrong by 1 to 3 degrees, its centre by up to 4 pixels."""
BONE = 0.62
"""Bone is brighter than this part of the way from the image's dark to its white."""
_MIN_AREA = 0.06
_MIN_FILL = 0.55
"""A head fills more of its bounding box than this; an ellipse fills 0.785."""
_MAX_ASPECT = 2.2
_SOFT = 0.15
"""Brain is brighter than this part of the way from dark to white, and no bone."""
_DISC = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
"""It takes scalp, muscles of the face and head holders away from the brain, and reaches the bone about it."""
_MIN_BRAIN, _SOLID, _COVER = 0.03, 0.65, 0.4
"""Least area of the brain, of the image and of its hull; in which part of the directions it has bone."""
_SECTORS = 36
_RADII, _ANGLES = 12, 96
_UNIT_RADII = ((np.arange(_RADII) + 0.5) * (1.15 / _RADII)).astype(np.float32)
_TURNS = 2.0 * np.pi * np.arange(_ANGLES) / _ANGLES
_UNIT_Y = np.outer(_UNIT_RADII, np.cos(_TURNS)).astype(np.float32)
_UNIT_X = np.outer(_UNIT_RADII, np.sin(_TURNS)).astype(np.float32)
_TILTS = (np.arange(2 * _ANGLES) * (180.0 / _ANGLES) + 180.0) % 360.0 / 2.0 - 90.0
"""Degrees; twice as many as there are angles, between which the agreement is interpolated."""

WARP = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
"""For matrices that lead from the output to the image."""

Pyramid = Sequence[GreyImage]
"""An image at its own resolution, at half of it, at a quarter, ..."""
Mask = NDArray[np.uint8]
"""1 inside, 0 outside."""


@dataclass(frozen=True)
class Head:
    """Where the head is.

    Attributes
    ----------
    mask
        uint8 (h, w), 1 in the head, of the image reduced by `reduction`.
    reduction
        Pixels of the image per pixel of the mask.
    row, column
        Centre of the head in pixels of the image.
    tilt
        Degrees, counter-clockwise, by which the head's axis of symmetry leans.
    extent
        Longest side of the upright head's bounding box, in pixels of the image.
    dark
        Brightness of the image's air: not 0 where black is shown as grey.
    """

    mask: Mask
    reduction: float
    row: float
    column: float
    tilt: float
    extent: float
    dark: float

    def placement(self, side: int, pixels_per_output: float, reduction: float = 1.0) -> NDArray[np.float64]:
        """The matrix (2, 3) from indices (x, y, 1) of the upright square to indices of the reduced image."""
        scale = pixels_per_output / reduction
        angle = math.radians(self.tilt)
        cosine, sine = math.cos(angle) * scale, math.sin(angle) * scale
        middle = (side - 1) / 2.0
        x = self.column / reduction - 0.5 - cosine * middle - sine * middle
        y = self.row / reduction - 0.5 + sine * middle - cosine * middle
        return np.array([[cosine, sine, x], [-sine, cosine, y]])


def pyramid(image: GreyImage) -> Pyramid:
    """The image, and halves of halves of it for as long as they are large enough to be searched."""
    levels = [image]
    while min(image.shape) >= 2 * _SEARCH_SIDE:
        height, width = image.shape[0] // 2, image.shape[1] // 2
        whole = image[: 2 * height, : 2 * width]  # an odd row or column at the end is left out
        image = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        levels.append(image)
    return levels


def level_within(levels: Pyramid, factor: float) -> int:
    """The lowest resolution that is reduced by at most that factor, as an index: so often it is halved."""
    return min(max(0, int(math.log2(factor))), len(levels) - 1)


def find_head(levels: Pyramid, max_tilt: float) -> Head:
    """Find the largest bright ring, or else the brain among pieces of one, and how the head leans.

    Raises
    ------
    NotACtSlice
        Nothing in the image has the size and shape of a head.
    """
    try:
        return _find(levels, max_tilt, _outline)
    except NotACtSlice as error:
        if error.reason.code is not ReasonCode.NO_HEAD:
            raise
        try:
            return _find(levels, max_tilt, _outline_of_brain)
        except NotACtSlice:
            raise error from None


def _find(levels: Pyramid, max_tilt: float, outline: Callable[[GreyImage], Mask]) -> Head:
    """Find the head by its outline in a reduced image, and the direction in which it is most symmetric."""
    reduction = max(1.0, min(levels[0].shape) / _SEARCH_SIDE)
    small = _reduced(levels, reduction)
    mask = outline(small)
    closer = max(1.0, max(cv2.boundingRect(mask)[2:]) * reduction / _SEARCH_SIDE)
    if closer < _COARSE * reduction:
        reduction, small = closer, _reduced(levels, closer)
        mask = outline(small)
    return _measured(small, mask, reduction, max_tilt)


def _reduced(levels: Pyramid, factor: float) -> GreyImage:
    """The image at a resolution that is lower by any factor: of a level, sampled between its pixels."""
    level = level_within(levels, factor)
    step = factor / 2**level
    size = int(levels[0].shape[1] / factor), int(levels[0].shape[0] / factor)
    matrix = np.array([[step, 0.0, (step - 1.0) / 2.0], [0.0, step, (step - 1.0) / 2.0]])
    return cv2.warpAffine(  # type: ignore[return-value]
        levels[level], matrix, size, flags=WARP, borderMode=cv2.BORDER_REPLICATE
    )


def _measured(small: GreyImage, mask: Mask, reduction: float, max_tilt: float) -> Head:
    """Centre, tilt and size of the head in a reduced image."""
    rows = cv2.reduce(mask, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[:, 0]
    columns = cv2.reduce(mask, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[0]
    area = int(rows.sum())
    occupied = rows.nonzero()[0]
    _check_shape(area, len(occupied), int(np.count_nonzero(columns)), mask.size)
    row, column = (float(counts.dot(np.arange(len(counts)))) / area for counts in (rows, columns))
    dark, _ = dark_and_white(small)
    head: GreyImage = cv2.subtract(small, dark, mask=mask)  # type: ignore[call-overload]
    tilt = _tilt(head, area, row, column, max_tilt)
    # The ends of each row reach as far as the head does in any direction.
    ends = np.stack(_ends(mask[occupied].view(np.bool_)))
    x, y = ends - column, occupied - row
    cosine, sine = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))
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
        dark=dark,
    )


def _outline(small: GreyImage) -> Mask:
    """The filled head; gaps in the ring (frontal sinus, cropped edge) do not matter."""
    dark, white = dark_and_white(small)
    if white - dark < 0.1 * max(white, 1.0):
        raise NotACtSlice(
            ReasonCode.BLANK, "The image is blank: nothing in it can be a head. Submit axial head-CT slices."
        )
    bright = _without_frame(small > dark + BONE * (white - dark)).view(np.uint8)
    rims, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    boxes = [cv2.boundingRect(rim) for rim in rims]
    spans = [width * height for _, _, width, height in boxes]
    if max(spans, default=0) < _MIN_AREA * small.size:
        raise NotACtSlice(
            ReasonCode.NO_HEAD,
            "No head is found in the image. Submit axial head-CT slices, bone shown bright.",
        )
    widest = spans.index(max(spans))
    left, top, width, height = boxes[widest]
    ring = np.zeros((height, width), dtype=np.uint8)
    cv2.drawContours(ring, rims, widest, 1, offset=(-left, -top))
    mask = np.zeros(small.shape, dtype=np.uint8)
    mask[top : top + height, left : left + width] = _filled(ring.view(np.bool_))
    return mask


def _outline_of_brain(small: GreyImage) -> Mask:
    """The brain and the bone about it, where that is no ring: open sutures, a broken skull, a head holder."""
    dark, white = dark_and_white(small)
    bright = _without_frame(small > dark + BONE * (white - dark))
    soft = ((small > dark + _SOFT * (white - dark)) & ~bright).view(np.uint8)
    opened = cv2.morphologyEx(soft, cv2.MORPH_OPEN, _DISC)
    rims, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    areas = [cv2.contourArea(rim) for rim in rims]
    if max(areas, default=0.0) < _MIN_BRAIN * small.size:
        raise _no_shape()
    brain = np.zeros(small.shape, dtype=np.uint8)
    largest = areas.index(max(areas))
    hull = cv2.convexHull(rims[largest])
    cv2.fillConvexPoly(brain, hull, 1)
    _, labels = cv2.connectedComponents(bright.view(np.uint8))
    touched = np.unique(labels[(cv2.dilate(brain, _DISC) > 0) & bright])
    bone = np.isin(labels, touched[touched > 0])
    if areas[largest] < _SOLID * cv2.contourArea(hull) or _cover(brain, bone) < _COVER:
        raise _no_shape()
    left, top, width, height = cv2.boundingRect((brain.view(np.bool_) | bone).view(np.uint8))
    here = np.s_[top : top + height, left : left + width]
    mask = np.zeros(small.shape, dtype=np.uint8)
    mask[here] = _filled(np.ascontiguousarray(brain.view(np.bool_)[here] | bone[here]))
    return mask


def _cover(brain: Mask, bone: NDArray[np.bool_]) -> float:
    """In which part of the directions from the brain's middle bone lies."""
    rows, columns = brain.nonzero()
    y, x = bone.nonzero()
    turns = np.arctan2(y - rows.mean(), x - columns.mean()) / (2.0 * np.pi) % 1.0
    return len(np.unique((turns * _SECTORS).astype(np.intp) % _SECTORS)) / _SECTORS


def dark_and_white(small: GreyImage) -> tuple[float, float]:
    """The 1st and the 99.5th percentile of an image's brightness."""
    levels = np.sort(small[::3, ::2].astype(np.float32), axis=None)  # floats by vector instructions
    return float(levels[levels.size // 100]), float(levels[-1 - levels.size // 200])


def _check_shape(area: int, height: int, width: int, pixels: int) -> None:
    too_thin = area < _MIN_FILL * height * width or max(height, width) > _MAX_ASPECT * min(height, width)
    if too_thin or area < _MIN_AREA * pixels:
        raise _no_shape()


def _no_shape() -> NotACtSlice:
    return NotACtSlice(
        ReasonCode.NO_HEAD, "Nothing in the image has the shape of a head. Submit axial head-CT slices."
    )


def _filled(ring: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels between two of the ring, which reaches every edge, in their row or in their column."""
    return _between(ring) | _between(np.ascontiguousarray(ring.T)).T


def _between(ring: NDArray[np.bool_]) -> NDArray[np.bool_]:
    first, last = (ends.astype(np.int16)[:, np.newaxis] for ends in _ends(ring))
    indices = np.arange(ring.shape[1], dtype=np.int16)
    return (first <= indices) & (indices <= last)


def _ends(ring: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The first and the last index in each row; none is empty."""
    return ring.argmax(axis=1), ring.shape[1] - 1 - ring[:, ::-1].argmax(axis=1)


def _without_frame(bright: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Blank the bright strips along the edges: a page's white border, a banner with a caption."""
    for view in (bright, bright[::-1], bright.T, bright.T[::-1]):
        least, strip = 0.9 * view.shape[1], 0
        while strip < len(view) and np.count_nonzero(view[strip]) > least:
            strip += 1
        view[:strip] = False
    return bright


def _tilt(head: GreyImage, area: int, row: float, column: float, max_tilt: float) -> float:
    """Lean of the axis of symmetry in degrees, within +-`max_tilt`.

    In polar coordinates about the centre, mirroring at an axis of angle a takes f(r, p) to f(r, 2a - p). The
    agreement of f with its mirror image for all axes at once is therefore the circular convolution of f with
    itself over p, which one FFT gives.
    """
    radius = np.float32(0.5 * area**0.5)
    x, y = np.float32(column) + radius * _UNIT_X, np.float32(row) + radius * _UNIT_Y
    polar = cv2.remap(head, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    spectrum = np.fft.rfft(polar.astype(np.float32), axis=1)
    spectrum[:, 0] = 0.0
    agreement = np.fft.irfft(_UNIT_RADII @ spectrum**2, n=len(_TILTS))
    return float(_TILTS[np.where(np.abs(_TILTS) <= max_tilt, agreement, -np.inf).argmax()])
