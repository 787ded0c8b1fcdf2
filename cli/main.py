"""Entry point: the commands, and how errors reach a person."""

import sys

import typer

from cli.lazy import LazyGroup

app = typer.Typer(cls=LazyGroup, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback()
def headct() -> None:
    """Classify head-CT images from an inbox folder (hemorrhage / normal). Research use only."""


def main() -> None:
    """Run the command line; exit 1 with a message, not a traceback, where a person can mend it."""
    try:
        app()
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has seen enough
        sys.stderr.close()
        sys.exit(141)
    except Exception as error:
        from cli.failures import in_words

        said = in_words(error)
        if said is None:
            raise
        sys.stderr.write(f"headct: {said}\n")
        sys.exit(1)
