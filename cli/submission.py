"""`headct submit`: files and folders taken in at once, and the wait for their results."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.results_table import print_table
from cli.terminal import say
from core.printable import printable
from db.engine import read_session
from db.queries import unfinished_of
from db.results import results_of
from services.context import Context
from services.image_files import kinds
from services.submit import submit

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
    """Take the files in, and say what became of them; returns file ids and how many were not taken.

    Raises
    ------
    HeadctError
    """
    bar = progress_bar()
    task = bar.add_task("Taking in", total=None)

    def told(taken: int, total: int) -> None:
        bar.start()  # not before there is something to tell; again it does nothing
        bar.update(task, completed=taken, total=total)

    try:
        done = submit(context, paths, move=move, told=told)
    finally:
        if bar.live.is_started:  # else it would print an empty line
            bar.stop()
    for path, reason in done.left.items():
        say(f"headct: {printable(str(path))} was not taken: {reason}.", err=True)
    note = f"; passed over, no images by their content: {kinds(done.others)}" if done.others else ""
    say(f"{done.taken} files taken in as {len(done.file_ids)} files{note}.", err=True)
    return done.file_ids, len(done.left)


def wait_for_results(context: Context, file_ids: Sequence[int]) -> int:
    """Wait until all files have a final state, print them; returns how many have no result.

    Ctrl-C ends the wait only; the files go on.
    """
    with progress_bar() as bar:
        task = bar.add_task("Classifying", total=len(file_ids))
        moved, before, said = time.monotonic(), 0, False
        for finished in finished_counts(context, file_ids):
            if finished > before:
                moved, before = time.monotonic(), finished
            elif time.monotonic() - moved > _SILENCE_S and not said:
                said = True
                bar.console.print(
                    f"Nothing finished for {_SILENCE_S} s. Is there a worker? See `headct status`."
                )
            bar.update(task, completed=finished)
    with read_session(context.engine) as session:
        rows = results_of(session, file_ids)
    print_table(rows, max(file_ids, default=0))
    return sum(row.state != "classified" for row in rows)


def finished_counts(context: Context, file_ids: Sequence[int]) -> Iterator[int]:
    """How many of the files have a final state, again and again until all have."""
    while True:
        with read_session(context.engine) as session:
            finished = len(file_ids) - unfinished_of(session, file_ids)
        yield finished
        if finished == len(file_ids):
            return
        time.sleep(_LOOK_S)
