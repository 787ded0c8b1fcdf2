"""Which preprocessing serves a model version: that which it was trained with, and no other."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from images.constants import Preprocessing, check_served
from images.decoding import GreyImage


class Preprocessor(NamedTuple):
    """One version of the preprocessing.

    Attributes
    ----------
    prepare
        As `images.preprocessing.preprocess`.
    placement
        As `images.preprocessing.placement`.
    """

    prepare: Callable[[GreyImage, Preprocessing], NDArray[np.float32]]
    placement: Callable[[GreyImage, Preprocessing], NDArray[np.float64]]


def preprocessor_of(constants: Preprocessing) -> Preprocessor:
    """The preprocessing with which a model was trained.

    Raises
    ------
    PreprocessingUnknown
    """
    check_served(constants)
    if constants.version == "2":
        # With SciPy, which no model of this release needs.
        from images import preprocessing_2  # noqa: PLC0415

        return Preprocessor(preprocessing_2.preprocess, preprocessing_2.placement)
    from images import preprocessing  # noqa: PLC0415 - one of the two

    return Preprocessor(preprocessing.preprocess, preprocessing.placement)
