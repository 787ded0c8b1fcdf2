"""A copy of a home, which is a home then, while headct runs."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import BackupFailed
from core.home import Home
from core.lock import is_held
from core.store import holds_anything
from db.backup import copy_database
from services.context import Context


@dataclass(frozen=True)
class Copied:
    """How many files were copied, and how many an earlier backup had already."""

    new: int
    known: int


def back_up(context: Context, folder: Path) -> tuple[Path, Copied]:
    """Copy database, images, models, reports and secrets into a folder; returns the database's copy too.

    Raises
    ------
    DatabaseUnreachable, BackupFailed
        Of the copies of files that are there, the next backup makes use.
    SettingsError
        The folder cannot be made.
    """
    target = _target(context.home, folder)
    # First: a file is stored before its row is committed, and no image is ever removed, so that every row of
    # this copy has its file.
    database = copy_database(context.engine, target.root)
    return database, _copy_files(context.home, target)


def _target(home: Home, folder: Path) -> Home:
    target, source = folder.resolve(), home.root.resolve()
    if target.is_relative_to(source) or source.is_relative_to(target):
        raise BackupFailed(
            f"{folder} and the home {home.root} are not apart. Name another folder, on another disk."
        )
    made = Home(target)
    if is_held(made.run / "up.lock"):
        raise BackupFailed(f"headct runs on {folder}. Name another folder.")
    if holds_anything(target) and not made.is_made():
        raise BackupFailed(f"{folder} holds other files. Name an empty folder, or that of an earlier backup.")
    made.make()
    return made


def _copy_files(home: Home, target: Home) -> Copied:
    """Copy what is not there yet; it is on the disk afterwards."""
    new = known = 0
    for folder in (home.store, home.rejected, home.dataset, home.models, home.reports, home.secrets):
        for path in _files(folder):
            copy = target.root / path.relative_to(home.root)
            try:
                if _is_same(path, copy):
                    known += 1
                    continue
                copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                half = copy.with_name(f".{copy.name}.part")
                shutil.copy2(path, half)
                half.replace(copy)
            except OSError as error:
                if not path.exists():  # a model that was discarded, or a temporary file
                    continue
                raise BackupFailed(
                    f"{error.filename or copy} cannot be copied: {error.strerror}. "
                    "Make room or mend it; the same command goes on from here."
                ) from error
            new += 1
    os.sync()
    return Copied(new, known)


def _files(folder: Path) -> Iterator[Path]:
    """Every file below it but those that are still being written."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in names if not name.startswith("."))


def _is_same(path: Path, copy: Path) -> bool:
    if not copy.exists():
        return False
    mine, other = path.stat(), copy.stat()
    return (mine.st_size, mine.st_mtime_ns) == (other.st_size, other.st_mtime_ns)
