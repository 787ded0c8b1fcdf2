"""`headct reclassify`: a result of the version in use for scans that have one of another version."""

import typer

from cli.moments import Since, parse_since
from services.context import open_migrated


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(reclassify)


def reclassify(since: Since = None) -> None:
    """Have classified scans that lack a result of the version in use classified again; old results stay."""
    from services.requeue import reclassify as put_back

    moved, version = put_back(open_migrated(), parse_since(since))
    typer.echo(f"{moved} scans wait to be classified again, by {version}; new ones go first.")
