"""`headct reclassify`: a result of the version in use for scans that have one of another version."""

import typer

from cli.context import open_migrated
from cli.moments import Since, parse_since


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(reclassify)


def reclassify(since: Since = None) -> None:
    """Have classified scans that lack a result of the version in use classified again; old results stay."""
    from sqlalchemy.orm import Session

    from cli.model_in_use import model_in_use
    from db.lifecycle import reclassify as put_back
    from models.serving import check_servable

    received_since, context = parse_since(since), open_migrated()
    stored = model_in_use(context)
    check_servable(stored)  # or the workers go on with another one
    with Session(context.engine) as session, session.begin():
        moved = put_back(session, stored.card.version, received_since)
    context.home.wake_dispatcher()
    typer.echo(f"{moved} scans wait to be classified again, by {stored.card.version}; new ones go first.")
