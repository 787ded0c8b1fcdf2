"""What can be said of an image or a study, and why it is no verdict."""

from typing import Final, NamedTuple

CLASSES: Final = ("normal", "hemorrhage")
"""The two words of labelled data; the index is the target that the network learns."""
UNCERTAIN: Final = "uncertain"
"""A result's third label: look at this one, the probability lies between the bounds."""
NOT_ASSESSED: Final = "not assessed"
"""Its fourth: the model does not judge this slice, as most of neck, skull base and vertex."""


class LabelReason(NamedTuple):
    """Why a label is `uncertain` or `not assessed`: stored as `label_code` and `label_reason`."""

    code: str
    text: str


BETWEEN_BOUNDS: Final = LabelReason("between_bounds", "the probability lies between the bounds of certainty")
OUTSIDE_DOMAIN: Final = LabelReason("outside_domain", "outside the model's domain")
NO_HEAD_FOUND: Final = LabelReason("no_head_found", "no head is found in this CT slice")
NO_BRAIN: Final = LabelReason("no_brain", "no brain is found in this CT slice")
