"""What a person asks for by the folder of the inbox that a file is dropped in."""

import unicodedata
from typing import NamedTuple

STAT, STUDIES = "stat", "studies"
"""Folders of the inbox: what is in the first goes before the others; each below the second is a study."""
LONGEST_STUDY = 255


class Asked(NamedTuple):
    """Of which study a file is, by its name, and whether it goes before the others."""

    study: str | None = None
    stat: bool = False


NOTHING = Asked()


def asked_by(name: str) -> Asked:
    """What the path of a file below the inbox asks for: `stat/studies/NAME/...`, or one of both."""
    parts = name.split("/")
    stat = parts[0] == STAT and len(parts) > 1
    if stat:
        del parts[0]
    is_study = parts[0] == STUDIES and len(parts) > 2
    return Asked(study_name(parts[1]) if is_study else None, stat)


def study_name(name: str) -> str:
    """The same name for what looks the same, since file systems write letters with accents in two ways."""
    return unicodedata.normalize("NFC", name)[:LONGEST_STUDY]
