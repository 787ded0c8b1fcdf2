"""How far something is; on standard error, so that results can be piped."""

import contextlib
from collections.abc import Iterator
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Told(Protocol):
    """Called with how much is done, of how much if that is known, and what is being done if that changes."""

    def __call__(self, done: int, total: int | None = None, doing: str | None = None) -> None: ...


@contextlib.contextmanager
def progress(doing: str) -> Iterator[Told]:
    """A bar that is there once there is something to tell."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    task = bar.add_task(doing, total=None)

    def told(done: int, total: int | None = None, doing: str | None = None) -> None:
        bar.start()  # again it does nothing
        bar.update(task, completed=done, total=total, description=doing)

    try:
        yield told
    finally:
        if bar.live.is_started:  # else it would print an empty line
            bar.stop()
