"""Taking files in from anywhere, at once."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.exc import DBAPIError

from core.errors import DiskNearlyFull, HeadctError, NothingSubmitted, StoreUnavailable
from core.name_order import by_name
from core.printable import printable
from db.archives import members_of
from db.engine import read_session
from db.queries import unfinished_of
from db.results import largest_id, read_connection
from scheduler.asked import Asked
from scheduler.claims import InboxFile, StrPath
from scheduler.intake import Intake
from services.context import Context
from services.image_files import image_files, is_folder, kinds

_BATCH = 32
_LOOK_S = 0.2


class Submitted(NamedTuple):
    """What became of files that were submitted.

    Attributes
    ----------
    taken
        Name and id of each file, in the order in which they were given; one id where bytes are the same.
    new
        How many of these ids there were not before.
    left
        Why the others were not taken, by their paths.
    others
        What else lies in the folders that were named, and is no image by its content.
    """

    taken: list[tuple[str, int]]
    new: int
    left: dict[StrPath, str]
    others: list[Path]


def submit(
    context: Context, paths: Sequence[Path], asked: Asked, *, move: bool, told: Callable[[int, int], None]
) -> Submitted:
    """Take files in: those that are named, and the images in folders that are named.

    Parameters
    ----------
    asked
        Of which study they are, and whether they go before others.
    move
        Whether to remove what was recorded.
    told
        Called after each batch with the files that are done and all of them.

    Raises
    ------
    NothingSubmitted
        There is no image.
    HeadctError
        The store or the database refuses; what was not recorded is where it was.
    """
    files, others = _files(paths)
    if not files:
        raise NothingSubmitted(_nothing(paths, others))
    intake = Intake(context.settings, context.home, context.engine)
    taken: list[tuple[str, int]] = []
    left: dict[StrPath, str] = {}
    with read_connection(context.engine) as connection:
        known = largest_id(connection)
    try:
        for start in range(0, len(files), _BATCH):
            batch = files[start : start + _BATCH]
            try:
                done = intake.submit(batch, remove=move, asked=asked)
            except (DiskNearlyFull, StoreUnavailable, OSError, DBAPIError) as error:
                problem = error.strerror if isinstance(error, OSError) else getattr(error, "orig", error)
                raise HeadctError(
                    f"{start} of {len(files)} were taken in, then: {problem}. The others are where they "
                    "were. `headct doctor` says what to do; then submit them again: the same bytes get one "
                    "result."
                ) from error
            taken += [
                (file.source_name, done.file_ids[file.path]) for file in batch if file.path in done.file_ids
            ]
            left |= done.left
            context.home.wake_dispatcher()
            told(min(start + _BATCH, len(files)), len(files))
    finally:
        intake.close()
    new = {file_id for _, file_id in taken if file_id > known}
    return Submitted(taken, len(new), left, others)


def finished_counts(context: Context, file_ids: Sequence[int]) -> Iterator[tuple[int, int]]:
    """How many of the files, and of those that came out of them, have a final state, and of how many.

    Again and again until all have.
    """
    while True:
        with read_session(context.engine) as session:
            unfinished = unfinished_of(session, file_ids)
            # After those: once an archive is done, all that was in it is recorded.
            members = {file_id for _, file_id in members_of(session, file_ids)}.difference(file_ids)
            unfinished += unfinished_of(session, sorted(members))
        total = len(file_ids) + len(members)
        yield total - unfinished, total
        if not unfinished:
            return
        time.sleep(_LOOK_S)


def members(context: Context, file_ids: Sequence[int]) -> list[tuple[str, int]]:
    """Name and id of each file that came out of the archives among these, in the natural order of names."""
    with read_session(context.engine) as session:
        return sorted(members_of(session, file_ids), key=lambda member: by_name(member[0]))


def _files(paths: Sequence[Path]) -> tuple[list[InboxFile], list[Path]]:
    found: list[InboxFile] = []
    others: list[Path] = []
    for path in dict.fromkeys(paths):
        if not is_folder(path):
            found.append(InboxFile(path, Path(path.name)))
            continue
        files = image_files(path)
        found += [InboxFile(file, file.relative_to(path.parent)) for file in (*files.images, *files.archives)]
        others += files.others
    return found, others


def _nothing(paths: Sequence[Path], others: Sequence[Path]) -> str:
    folders = ", ".join(printable(str(path)) for path in paths)
    seen = f"no image in {folders}, only {kinds(others)}" if others else f"no file in {folders}"
    return (
        f"Nothing was taken: there is {seen} (hidden and unfinished files apart). PNG, JPEG, TIFF, BMP, "
        "DICOM, zip and tar are known by their content; a file that is named itself is always taken."
    )
