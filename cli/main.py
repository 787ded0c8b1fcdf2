"""Entry point: the groups of subcommands, and how errors reach a person."""

import sys

import typer
from sqlalchemy.exc import DBAPIError

from cli import (
    backup,
    dataset,
    demo,
    evaluation,
    explain,
    labels,
    models,
    operation,
    parts,
    reclassification,
    scans,
    training,
)
from cli.failures import in_words
from core.errors import HeadctError

app = typer.Typer(
    help="Classify head-CT images from an inbox folder (hemorrhage / normal). Research use only.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for group in (
    *(parts, scans, labels, reclassification, operation, backup),
    *(training, evaluation, explain, demo),
):
    group.register(app)
app.add_typer(models.app, name="models")
app.add_typer(dataset.app, name="dataset")


def main() -> None:
    """Run the command line; exit 1 with a message, not a traceback, where a person can mend it."""
    try:
        app()
    except (HeadctError, DBAPIError) as error:
        sys.stderr.write(f"headct: {in_words(error)}\n")
        sys.exit(1)
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has seen enough
        sys.stderr.close()
        sys.exit(141)
