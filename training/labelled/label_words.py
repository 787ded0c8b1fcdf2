"""The words that are taken for a label; no others are, since a guess would teach the network a wrong one."""

import re

from core.errors import DatasetError
from core.printable import printable

_WORDS = {
    "normal": ("normal", "norm", "no_hemorrhage", "no_haemorrhage", "negative"),
    "hemorrhage": ("hemorrhage", "haemorrhage", "ich", "bleed", "positive"),
}
LEFT_OUT = "ambiguous"
"""Of a slice that is neither for sure, such as at the edge of a bleed."""
_SHOWN, _LONGEST = 20, 60
_LABELS = {word: label for label, words in _WORDS.items() for word in words}


def label_of(word: str) -> str | None:
    """`normal` or `hemorrhage`; None for any other word. Case, spaces and hyphens do not matter."""
    return _LABELS.get("_".join(re.split(r"[\s_-]+", word.strip().lower())))


def unknown_words(place: str, words: set[str], also: str = "") -> DatasetError:
    """The error for words that are no labels.

    Parameters
    ----------
    place
        Where they stand: the subject of the message.
    also
        What else is allowed there.
    """
    allowed = "; ".join(f"{label}: {', '.join(words)}" for label, words in _WORDS.items())
    shown = [printable(word)[:_LONGEST] for word in sorted(words)[:_SHOWN]]
    found = ", ".join(shown) + (", ..." if len(words) > _SHOWN else "")
    return DatasetError(
        f"{place} {found}: no known label. Rename them to what is allowed ({allowed}). {also}".rstrip()
    )
