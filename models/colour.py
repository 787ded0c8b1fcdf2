"""Telling a photograph in colour from a CT slice, tinted ones included."""

import numpy as np
from PIL import Image

MAX_RESIDUAL_CHROMA = 8.0
"""Grey levels (0..255). The 160 slices of the development set reach at most 4.0 (those with a strong blue
tint), two ordinary photographs of landscape and flower 17.7 and 21.7."""

_SIDE = 64
_BANDS = 16


def residual_chroma(image: Image.Image) -> float:
    """Colour that brightness does not explain, in grey levels.

    A CT slice shows one quantity. Where it has colour at all (a film tint, a colour map) the colour is a
    function of brightness. So the red and blue differences to luminance are measured on a copy reduced to
    about 64 pixels, their mean in each of 16 bands of luminance is taken away, and the mean absolute
    remainders of both are added.

    It cannot tell a photograph in grey, in sepia or in a single faint hue: these pass, and are refused only
    where no head is found in them. A slice with large coloured overlays (a perfusion map) is taken for
    a photograph.
    """
    small = image.reduce(max(1, min(image.size) // _SIDE))
    rgb = np.asarray(small, dtype=np.float32).reshape(-1, 3)
    luminance = rgb @ np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601
    band = luminance.astype(np.intp) * _BANDS // 256
    pixels = np.maximum(np.bincount(band, minlength=_BANDS), 1)
    residual = 0.0
    for channel in (0, 2):
        difference = rgb[:, channel] - luminance
        mean = np.bincount(band, weights=difference, minlength=_BANDS) / pixels
        residual += float(np.abs(difference - mean[band]).mean())
    return residual


def is_photograph(image: Image.Image) -> bool:
    """Whether an RGB image has more residual chroma than a CT slice."""
    return residual_chroma(image) > MAX_RESIDUAL_CHROMA
