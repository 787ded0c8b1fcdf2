"""The one preprocessing of training and serving: from a grey image to the network's input.

It takes away what predicts the label without being anatomy (width, height, aspect, tint, alpha, border,
mean): the head alone is kept, upright, at one resolution, in units of the brain's own contrast.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import NotACtSlice
from core.reasons import ReasonCode
from images.constants import Preprocessing
from images.decoding import GreyImage
from images.head import WARP, Head, Mask, Pyramid, find_head, level_within, pyramid
from images.single_head import check_single_head

_INSIDE = 255
"""Of a mask, in the middle of the head; less at its edge, where it is interpolated."""


def preprocess(image: GreyImage, constants: Preprocessing) -> NDArray[np.float32]:
    """Cut out the head, turn it upright and normalise its brightness.

    A mirror image gives the mirror image of the result, to the bit.

    Parameters
    ----------
    image
        Grey (height, width), any range; bone bright, air dark.
    constants
        Those stored with the model in use.

    Returns
    -------
    float32 (size, size, 1)
        (brightness - brain's median) / (robust deviation x scale), clipped; 0 outside the head.

    Raises
    ------
    NotACtSlice
        No head is found, or several are.
    """
    if _brighter_on_the_right(image):
        return _prepared(_mirrored(image), constants)[:, ::-1].copy()
    return _prepared(image, constants)


def _prepared(image: GreyImage, constants: Preprocessing) -> NDArray[np.float32]:
    levels = pyramid(image)
    check_single_head(levels)
    head = find_head(levels, constants.max_tilt)
    values, inside = _cut_out(levels, head, constants)
    brain = _brain(values, inside, head.dark)
    if brain.size < constants.size // 4:
        raise NotACtSlice(
            ReasonCode.NO_BRAIN, "No brain is found inside the skull. Submit axial head-CT slices."
        )
    low, median, high = (float(brain[brain.size * quarter // 4]) for quarter in (1, 2, 3))
    deviation = max((high - low) / 1.349, 0.01 * float(values.max()), 1e-6)  # IQR of a normal: 1.349 sigma
    unit = 1.0 / (constants.scale * _INSIDE)
    values -= np.float32(median)
    values *= np.float32(unit / deviation)
    np.clip(values, np.float32(constants.clip_low * unit), np.float32(constants.clip_high * unit), out=values)
    values *= inside.astype(np.float32)
    return values[:, :, np.newaxis]


def placement(image: GreyImage, constants: Preprocessing) -> NDArray[np.float64]:
    """Where in the image the prepared pixels come from.

    Returns
    -------
    float64 (2, 3)
        From indices (x, y, 1) of a pixel of the network's input to indices (x, y) of the image.

    Raises
    ------
    NotACtSlice
        No head is found.
    """
    mirrored = _brighter_on_the_right(image)
    head = find_head(pyramid(_mirrored(image) if mirrored else image), constants.max_tilt)
    found = head.placement(constants.size, _pixels_per_output(head, constants))
    if not mirrored:
        return found
    whole = _mirror(image.shape[1]) @ np.vstack([found, (0.0, 0.0, 1.0)]) @ _mirror(constants.size)
    return np.asarray(whole[:2], dtype=np.float64)


def _brighter_on_the_right(image: GreyImage) -> bool:
    """Whether an image is mirrored before anything is measured in it, so that it and its mirror image agree.

    What is halved or rounded on the way begins at the left edge.
    """
    columns = image[::16].sum(axis=0, dtype=np.float64)
    half = len(columns) // 2
    return bool(columns[:half].sum() < columns[::-1][:half].copy().sum())


def _mirrored(image: GreyImage) -> GreyImage:
    return cv2.flip(image, 1)  # type: ignore[return-value]  # OpenCV's stubs know no depth


def _mirror(width: int) -> NDArray[np.float64]:
    """From indices (x, y, 1) of an image of that width to those of its mirror image."""
    return np.array([(-1.0, 0.0, width - 1.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)])


def _pixels_per_output(head: Head, constants: Preprocessing) -> float:
    return head.extent / (constants.size * (1.0 - 2.0 * constants.margin))


def _cut_out(levels: Pyramid, head: Head, constants: Preprocessing) -> tuple[NDArray[np.float32], Mask]:
    """The upright head and its mask (0..`_INSIDE`), both (size, size)."""
    side, pixels_per_output = constants.size, _pixels_per_output(head, constants)
    level = level_within(levels, pixels_per_output)
    values = cv2.warpAffine(
        levels[level], head.placement(side, pixels_per_output, 2.0**level), (side, side), flags=WARP
    )
    # The head's outline is that coarse, and twice as many pixels each way take four times as long.
    coarse = cv2.warpAffine(
        head.mask * np.uint8(_INSIDE),
        head.placement(side // 2, 2.0 * pixels_per_output, head.reduction),
        (side // 2, side // 2),
        flags=WARP,
    )
    inside = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR)
    return values.astype(np.float32), inside  # type: ignore[return-value]  # OpenCV's stubs know no depth


def _brain(values: NDArray[np.float32], inside: Mask, dark: float) -> NDArray[np.float32]:
    """Every fourth value of what is neither bone nor air, from the middle ellipse of the head, sorted."""
    values, head = values[::2, ::2], inside[::2, ::2] > _INSIDE // 2
    levels = np.sort(values[head][::2])
    top = levels[levels.size * 98 // 100] if levels.size else 0.0
    within = head & _middle(len(values))
    within &= values > dark + 0.08 * (top - dark)
    within &= values < dark + 0.85 * (top - dark)
    return np.sort(values[within])


@lru_cache(maxsize=4)
def _middle(side: int) -> NDArray[np.bool_]:
    rows, columns = np.ogrid[-1.0 : 1.0 : side * 1j, -1.0 : 1.0 : side * 1j]
    return np.asarray((rows / 0.72) ** 2 + (columns / 0.56) ** 2 < 1.0)
