"""How far something is; on standard error, so that results can be piped."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextlib.contextmanager
def progress(doing: str) -> Iterator[Callable[..., None]]:
    """A bar; it is told how much is done, of how much, and `doing` what if that changes."""
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
