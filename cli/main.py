"""Entry point: the commands, and how errors reach a person."""

import contextlib
import os
import signal
import sys

import typer

from cli.lazy import LazyGroup
from cli.streams import ReaderGone, drop_output
from core.errors import OutputLost

app = typer.Typer(cls=LazyGroup, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback()
def headct() -> None:
    """Classify head-CT images from an inbox folder (hemorrhage / normal). Research use only."""


def main() -> None:
    """Run the command line; exit 1 with a message, not a traceback, where a person can mend it."""
    os.umask(0o077)  # what headct writes can identify patients: it is for this user alone
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # here, where it can be told that it fails
    except ReaderGone:
        drop_output()
        sys.exit(128 + signal.SIGPIPE)  # as of a program that the signal ends
    except Exception as error:
        from cli.failures import in_words

        said = in_words(error)
        if said is None:
            raise
        if isinstance(error, OutputLost):
            drop_output()
        with contextlib.suppress(OSError):
            sys.stderr.write(f"headct: {said}\n")
        sys.exit(1)
