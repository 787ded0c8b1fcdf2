"""Numbers that a DICOM file writes as text, read strictly and, beside pydicom's way, fast."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

_ALLOWED = frozenset(b"0123456789+-.eE")  # of a decimal string: PS3.5, 6.2
_PADDING = b" \0"
_BETWEEN = b"\\"


def numbers_of(dataset: "Dataset", name: str) -> list[float]:
    """The values of an element that holds decimal strings; none where it is absent or empty.

    Raises
    ------
    ValueError
        One is no decimal string: a decimal comma, a word, or nothing between two others.
    """
    element = dataset.get_item(name)  # not converted
    text = b"" if element is None or element.value is None else bytes(element.value).strip(_PADDING)
    return [_number(one.strip(_PADDING)) for one in text.split(_BETWEEN)] if text else []


def _number(text: bytes) -> float:
    if not _ALLOWED.issuperset(text):
        raise ValueError("a value is no decimal string")
    return float(text)
