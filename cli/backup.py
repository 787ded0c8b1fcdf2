"""`headct backup`."""

from pathlib import Path
from typing import Annotated

import typer

from cli.terminal import say
from services.context import open_home


def backup(folder: Annotated[Path, typer.Argument(help="where to; once more only adds what is new")]) -> None:
    """Copy database, images, models and secrets into a folder, which is a home then; headct may run."""
    from core.backup import backup_home, copy_files
    from db.backup import copy_database

    context = open_home()
    target = backup_home(context.home, folder)
    copy = copy_database(context.engine, target.root)  # first: every row of it has its image
    say(f"database: {copy}")
    copied = copy_files(context.home, target)
    typer.echo(f"files: {copied.new} copied, {copied.known} were there already")
