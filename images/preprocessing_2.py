"""Version 2 of the preprocessing, for models that were trained with it; see `images.preprocessing`.

What reaches the network must not change here.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import NotACtSlice
from core.reasons import ReasonCode
from images.constants import Preprocessing
from images.decoding import GreyImage
from images.head import pyramid
from images.head_2 import Head, find_head
from images.single_head import check_single_head


def preprocess(image: GreyImage, constants: Preprocessing) -> NDArray[np.float32]:
    """Cut out the head, turn it upright and normalise its brightness.

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
        No head is found.
    """
    check_single_head(pyramid(image))
    head = find_head(image, constants.max_tilt)
    values, mask = _cut_out(image, head, constants)
    brain = _brain(values, mask)
    if brain.size < constants.size:
        raise NotACtSlice(
            ReasonCode.NO_BRAIN, "No brain is found inside the skull. Submit axial head-CT slices."
        )
    ordered = np.sort(brain)
    low, median, high = (ordered[brain.size * quarter // 4] for quarter in (1, 2, 3))
    deviation = max((high - low) / 1.349, 0.01 * float(values.max()), 1e-6)  # IQR of a normal: 1.349 sigma
    normal = (values - np.float32(median)) * np.float32(1.0 / deviation)
    normal = np.clip(normal, constants.clip_low, constants.clip_high) * np.float32(1.0 / constants.scale)
    return np.asarray((normal * mask)[:, :, np.newaxis], dtype=np.float32)


def placement(image: GreyImage, constants: Preprocessing) -> NDArray[np.float64]:
    """As `images.preprocessing.placement`."""
    head, side = find_head(image, constants.max_tilt), constants.size
    a, b, c, d, e, f = head.affine(side, head.extent / (side * (1.0 - 2.0 * constants.margin)), 1)
    # Pillow's coefficients are for pixels whose middle lies at a half.
    return np.array([[a, b, c + (a + b - 1.0) / 2.0], [d, e, f + (d + e - 1.0) / 2.0]])


def _cut_out(
    image: GreyImage, head: Head, constants: Preprocessing
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The upright head and its mask (0..1), both float32 (size, size)."""
    side = constants.size
    pixels_per_output = head.extent / (side * (1.0 - 2.0 * constants.margin))
    reduction = max(1, int(pixels_per_output))
    grey = Image.fromarray(image)
    if reduction > 1:
        grey = grey.reduce(reduction)
    mask = Image.fromarray(head.mask.astype(np.uint8) * np.uint8(255))
    shape = (side, side)
    values = grey.transform(
        shape,
        Image.Transform.AFFINE,
        head.affine(side, pixels_per_output, reduction),
        Image.Resampling.BILINEAR,
    )
    inside = mask.transform(
        shape,
        Image.Transform.AFFINE,
        head.affine(side, pixels_per_output, head.reduction),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(values, dtype=np.float32), np.asarray(inside, dtype=np.float32) / np.float32(255.0)


def _brain(values: NDArray[np.float32], mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values of the pixels that are neither bone nor air, well inside the head: the middle ellipse."""
    head = mask > 0.5
    within = values[head & _middle(values.shape[0])]
    if within.size == 0:
        return within
    levels = np.sort(values[head][::4])
    top = levels[levels.size * 98 // 100]
    return np.asarray(within[(within > 0.08 * top) & (within < 0.85 * top)])


@lru_cache(maxsize=4)
def _middle(side: int) -> NDArray[np.bool_]:
    rows, columns = np.ogrid[-1.0 : 1.0 : side * 1j, -1.0 : 1.0 : side * 1j]
    return np.asarray((rows / 0.72) ** 2 + (columns / 0.56) ** 2 < 1.0)
