"""`headct reclassify`: a result of the version in use for files that have one of another version."""

import typer

from cli.moments import Since, parse_since
from services.context import open_migrated


def reclassify(since: Since = None) -> None:
    """Have classified files that lack a result of the version in use classified again; old results stay."""
    from services.requeue import reclassify as ask_again

    moved, version = ask_again(open_migrated(), parse_since(since))
    typer.echo(f"{moved} files wait to be classified again, by {version}; new ones go first.")
