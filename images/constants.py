"""The constants of preprocessing: apart from it, since a model's card needs them without OpenCV."""

from dataclasses import asdict, dataclass
from typing import Any

from core.errors import PreprocessingUnknown

CURRENT = "3"
"""Of every model that is trained now. It changes whenever the pixels that reach the network do."""
_SERVED = ("2", CURRENT)
"""`images.preprocessors` has the code of each."""


@dataclass(frozen=True)
class Preprocessing:
    """The constants, stored with the weights they were used to train.

    Attributes
    ----------
    version
        Name of the preprocessing that these are constants of.
    size
        Side of the square input in pixels.
    margin
        Black margin around the head, as a fraction of the input's side.
    max_tilt
        Greatest rotation in degrees that is undone when the head is turned upright.
    clip_low, clip_high
        Limits of the normalised brightness, in robust standard deviations of the brain.
    scale
        The normalised brightness is divided by this, so that most of it lies within -1..2.
    """

    version: str = CURRENT
    size: int = 160
    margin: float = 0.03
    max_tilt: float = 24.0
    clip_low: float = -5.0
    clip_high: float = 10.0
    scale: float = 5.0

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the network's input."""
        return self.size, self.size, 1

    def to_dict(self) -> dict[str, Any]:
        """The constants, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Preprocessing":
        """The constants as `to_dict` gave them."""
        return cls(**values)


def check_served(constants: Preprocessing, name: str = "The model") -> None:
    """Whether a model that was trained with these can be served.

    Raises
    ------
    PreprocessingUnknown
    """
    if constants.version not in _SERVED:
        raise PreprocessingUnknown(
            f"{name} was trained with preprocessing {constants.version}; this release has "
            f"{' and '.join(_SERVED)}. Upgrade headct, or train again."
        )
