"""The images in a folder, and what else lies there."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.archive_start import is_archive_file
from core.name_order import by_name
from core.printable import printable
from images.sniff import is_image_file
from scheduler.inbox import find_files

_KINDS = 5
"""So many kinds of files that are no images are named."""
_LONGEST_SUFFIX = 6


@dataclass(frozen=True)
class ImageFiles:
    """Files below a folder in the natural order of their names: likely images, archives, and the others."""

    images: list[Path]
    archives: list[Path]
    others: list[Path]


def image_files(folder: Path) -> ImageFiles:
    """All files below the folder but those that the inbox leaves alone; links are not followed."""
    found = ImageFiles([], [], [])
    for path in sorted(find_files(folder), key=lambda path: by_name(str(path))):
        if is_image_file(path):
            found.images.append(path)
        else:
            (found.archives if is_archive_file(path) else found.others).append(path)
    return found


def is_folder(path: Path) -> bool:
    """Whether a folder, or a link to one, is there; no if it cannot be told: whoever reads it says why."""
    try:
        return path.is_dir()
    except OSError:
        return False


def kinds(paths: Iterable[Path]) -> str:
    """Files by the ends of their names, the most frequent first: `3 .txt, 1 DICOMDIR, 1 .exe`."""
    counted = Counter(map(_kind, paths)).most_common()
    named = [f"{count} {kind}" for kind, count in counted[:_KINDS]]
    rest = sum(count for _, count in counted[_KINDS:])
    return ", ".join([*named, *([f"{rest} other{'s' * (rest > 1)}"] if rest else [])])


def _kind(path: Path) -> str:
    suffix = path.suffix.lower()
    if path.name.upper() == "DICOMDIR":
        return "DICOMDIR"
    known = 1 < len(suffix) <= _LONGEST_SUFFIX and not suffix[1:].isdecimal()
    return printable(suffix) if known else "without a suffix"
