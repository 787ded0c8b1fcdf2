"""Whether values can be Hounsfield units (HU) at all: around and in every head there is air.

Clauses are those of the DICOM standard: https://dicom.nema.org/medical/dicom/current/output/html/
"""

import numpy as np
from numpy.typing import NDArray

from core.errors import NotACtSlice
from core.reasons import ReasonCode
from images.dicom_pixels import Stored

_GREATEST_CT_NUMBER = 30_710
"""HU, of the extended scale for metal. More is a value that lost its sign."""
_AIR = -200.0
"""HU; nothing of a head but air is less."""
_SOFT = (5.0, 110.0)
"""HU of brain and of blood in it."""
_DENSE = 300.0
_INSIDE, _LITTLE_BONE = 0.6, 0.1
"""Share of soft pixels in a field of view that lies within the head, where it has no air: 0.8 to 1.0, and of
bone up to 0.07 (28 real slices). Where the intercept was lost, the room's air looks soft, the head dense."""
_FEW_VALUES, _FEW_PIXELS = 8, 0.05
"""Padding is one value, or two; where slices were resampled, others stand along its edge (0.6 %)."""


def lost_signs(
    stored: Stored, hounsfield: NDArray[np.float32], padding: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Where negative values stand as great ones, for their sign was lost; bool (height, width).

    They are what some software pads with: all unused bits of values without a sign are set, or the value is
    more than a CT number can be. Overlays in these bits (PS3.5, 8.1.2) are hardly ever in all of them.

    Raises
    ------
    NotACtSlice
        They are no padding: all negative values lost their sign.
    """
    lost = hounsfield > _GREATEST_CT_NUMBER
    if stored.lost_sign is not None:
        lost |= stored.words >= stored.lost_sign
    among = lost & ~padding
    if among.mean() > _FEW_PIXELS and len(np.unique(stored.words[among])) > _FEW_VALUES:
        raise NotACtSlice(
            ReasonCode.NOT_HOUNSFIELD,
            "The DICOM file's negative values have lost their sign (Pixel Representation), so that they are "
            "no Hounsfield units. Submit the original slices.",
        )
    return lost


def check_air(hounsfield: NDArray[np.float32], padding: NDArray[np.bool_]) -> None:
    """Refuse a slice without air, unless it shows the inside of a head. Padding is as good as air.

    Raises
    ------
    NotACtSlice
    """
    if hounsfield.min() < _AIR or padding.any():
        return
    low, high = _SOFT
    soft, dense = ((hounsfield > low) & (hounsfield < high)).mean(), (hounsfield > _DENSE).mean()
    if soft < _INSIDE or dense > _LITTLE_BONE:
        raise NotACtSlice(
            ReasonCode.NOT_HOUNSFIELD,
            "The DICOM file's values are no Hounsfield units: none is air. Its rescale intercept is wrong, "
            "or it was windowed. Submit the original slices.",
        )
