"""The order in which a person expects names: `2.png` before `10.png`, a folder before `folder-2`."""

import re

_NUMBER = re.compile("[0-9]+")
_DIGITS = 64
"""More than any component of a DICOM UID has."""


def by_name(name: str) -> tuple[str, str]:
    """What names, or paths, are sorted by."""
    return _NUMBER.sub(lambda number: number[0].zfill(_DIGITS), name.replace("/", "\0")), name
