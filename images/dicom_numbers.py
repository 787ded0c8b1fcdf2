"""Numbers and words that a DICOM file writes as text, read strictly and, beside pydicom's way, fast."""

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
    text = _raw(dataset, name)
    return [_number(one.strip(_PADDING)) for one in text.split(_BETWEEN)] if text else []


def raw_text(dataset: "Dataset", name: str) -> str:
    """What an element says, for a look for words, whatever the character set; several values in one."""
    return _raw(dataset, name).decode("latin-1")


def _raw(dataset: "Dataset", name: str) -> bytes:
    element = dataset.get_item(name)  # not converted
    if element is None or element.value is None:
        return b""
    if not isinstance(element.value, bytes):  # was converted by an earlier look
        value = element.value
        written = (
            value if isinstance(value, str) or not hasattr(value, "__iter__") else "\\".join(map(str, value))
        )
        return str(written).encode("latin-1", "replace").strip(_PADDING)
    return element.value.strip(_PADDING)


def _number(text: bytes) -> float:
    if not _ALLOWED.issuperset(text):
        raise ValueError("a value is no decimal string")
    return float(text)
