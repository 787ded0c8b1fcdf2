"""The words that are taken for a label; no others are, since a guess would teach the network a wrong one."""

from core.errors import DatasetError

_WORDS = {
    "normal": ("normal", "norm", "no_hemorrhage", "no_haemorrhage", "negative"),
    "hemorrhage": ("hemorrhage", "haemorrhage", "ich", "bleed", "positive"),
}
_SHOWN = 20
_LABELS = {word: label for label, words in _WORDS.items() for word in words}


def label_of(word: str) -> str | None:
    """`normal` or `hemorrhage`; None for any other word. Case, spaces and hyphens do not matter."""
    return _LABELS.get(word.strip().lower().replace(" ", "_").replace("-", "_"))


def unknown_words(place: str, words: set[str]) -> DatasetError:
    """The error for words that are no labels.

    Parameters
    ----------
    place
        Where they stand: the subject of the message.
    """
    allowed = "; ".join(f"{label}: {', '.join(words)}" for label, words in _WORDS.items())
    found = ", ".join(sorted(words)[:_SHOWN]) + (", ..." if len(words) > _SHOWN else "")
    return DatasetError(f"{place} {found}: no known label. Rename them to what is allowed ({allowed}).")
