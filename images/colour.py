"""Telling a photograph in colour from a CT slice, tinted ones included."""

import cv2
import numpy as np
from numpy.typing import NDArray

MAX_RESIDUAL_CHROMA = 8.0
"""Grey levels (0..255). The 160 slices of the development set reach at most 4.0 (those with a strong blue
tint), two ordinary photographs of landscape and flower 17.7 and 21.7."""

_SIDE = 64
_BANDS = 16


def residual_chroma(image: NDArray[np.uint8]) -> float:
    """Colour that brightness does not explain, in grey levels; of an RGB image (height, width, 3).

    A CT slice shows one quantity. Where it has colour at all (a film tint, a colour map) the colour is a
    function of brightness. So the red and blue differences to luminance are measured on a copy reduced to
    64 pixels or somewhat more, their mean in each of 16 bands of luminance is taken away, and the mean
    absolute remainders of both are added.

    It cannot tell a photograph in grey, in sepia or in a single faint hue: these pass, and are refused only
    where no head is found in them. A slice with large coloured overlays (a perfusion map) is taken for
    a photograph.
    """
    height, width = image.shape[:2]
    factor = max(1, min(height, width) // _SIDE)
    small = cv2.resize(image, (width // factor, height // factor), interpolation=cv2.INTER_LINEAR)
    if (small[..., 0] == small[..., 1]).all() and (small[..., 1] == small[..., 2]).all():
        return 0.0
    rgb = small.reshape(-1, 3).astype(np.float32)
    luminance = rgb @ np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601
    band = luminance.astype(np.intp) * _BANDS // 256
    pixels = np.maximum(np.bincount(band, minlength=_BANDS), 1)
    residual = 0.0
    for channel in (rgb[:, 0], rgb[:, 2]):
        difference = channel - luminance
        mean = np.bincount(band, weights=difference, minlength=_BANDS) / pixels
        residual += float(np.abs(difference - mean[band]).mean())
    return residual


def is_photograph(image: NDArray[np.uint8]) -> bool:
    """Whether an RGB image has more residual chroma than a CT slice."""
    return residual_chroma(image) > MAX_RESIDUAL_CHROMA
