"""`headct submit`: files and folders taken in at once, and the wait for their results."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy.exc import DBAPIError

from cli.context import Context
from cli.image_files import image_files, is_folder, kinds
from cli.results_table import print_table
from cli.terminal import say
from core.errors import DiskNearlyFull, HeadctError, StoreUnavailable
from core.printable import printable
from db.engine import reading
from db.queries import unfinished_of
from db.results import results_of
from scheduler.claims import File, StrPath
from scheduler.intake import Intake

_BATCH = 32
_LOOK_S = 0.2
_SILENCE_S = 30


def progress_bar() -> Progress:
    """The progress bar of this command line; on standard error, so that results can be piped."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def submit_paths(context: Context, paths: Sequence[Path], *, move: bool) -> tuple[list[int], int]:
    """Take the files in; returns the scan ids and how many files could not be taken.

    Raises
    ------
    HeadctError
        There is no image; or the store or the database refuses, and what was not recorded is where it was.
    """
    candidates, others = _candidates(paths)
    if not candidates:
        raise HeadctError(_nothing(paths, others))
    intake = Intake(context.settings, context.home, context.engine)
    scan_ids: dict[int, None] = {}
    left: dict[StrPath, str] = {}
    with progress_bar() as bar:
        for start in bar.track(range(0, len(candidates), _BATCH), description="Taking in", total=None):
            try:
                taken = intake.submit(candidates[start : start + _BATCH], remove=move)
            except (DiskNearlyFull, StoreUnavailable, OSError, DBAPIError) as error:
                problem = error.strerror if isinstance(error, OSError) else getattr(error, "orig", error)
                raise HeadctError(
                    f"{start} files were taken in, then: {problem}. The others are where they were. "
                    "`headct doctor` says what to do; then submit them again: the same bytes get one result."
                ) from error
            scan_ids |= dict.fromkeys(taken.scan_ids.values())
            left |= taken.left
            context.home.wake_dispatcher()
    intake.close()
    for path, reason in left.items():
        say(f"headct: {printable(str(path))} was not taken: {reason}.", err=True)
    note = f"; passed over, no images by their content: {kinds(others)}" if others else ""
    say(f"{len(candidates) - len(left)} files taken in as {len(scan_ids)} scans{note}.", err=True)
    return list(scan_ids), len(left)


def _candidates(paths: Sequence[Path]) -> tuple[list[File], list[Path]]:
    """What is named, and the images in folders that are named; and what else lies in these."""
    found: list[File] = []
    others: list[Path] = []
    for path in paths:
        if not is_folder(path):
            found.append(File(path, Path(path.name)))
            continue
        files = image_files(path)
        found += [File(file, file.relative_to(path.parent)) for file in files.images]
        others += files.others
    return found, others


def _nothing(paths: Sequence[Path], others: Sequence[Path]) -> str:
    folders = ", ".join(printable(str(path)) for path in paths)
    seen = f"no image in {folders}, only {kinds(others)}" if others else f"no file in {folders}"
    return (
        f"Nothing was taken: there is {seen} (hidden and unfinished files apart). PNG, JPEG, TIFF, BMP and "
        "DICOM are known by their content; a file that is named itself is always taken."
    )


def wait_for_results(context: Context, scan_ids: Sequence[int]) -> int:
    """Wait until all scans have a final state, print them; returns how many have no result.

    Ctrl-C ends the wait only; the scans go on.
    """
    with progress_bar() as bar:
        task = bar.add_task("Classifying", total=len(scan_ids))
        moved, before, said = time.monotonic(), 0, False
        for finished in finished_counts(context, scan_ids):
            if finished > before:
                moved, before = time.monotonic(), finished
            elif time.monotonic() - moved > _SILENCE_S and not said:
                said = True
                bar.console.print(
                    f"Nothing finished for {_SILENCE_S} s. Is there a worker? See `headct status`."
                )
            bar.update(task, completed=finished)
    with reading(context.engine) as session:
        rows = results_of(session, scan_ids)
    print_table(rows, max(scan_ids, default=0))
    return sum(row.state != "classified" for row in rows)


def finished_counts(context: Context, scan_ids: Sequence[int]) -> Iterator[int]:
    """How many of the scans have a final state, again and again until all have."""
    while True:
        with reading(context.engine) as session:
            finished = len(scan_ids) - unfinished_of(session, scan_ids)
        yield finished
        if finished == len(scan_ids):
            return
        time.sleep(_LOOK_S)
