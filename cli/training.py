"""`headct train` and `headct runs`."""

from typing import Annotated

import typer

from cli.context import open_migrated


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (train, runs):
        app.command()(command)


def train(
    epochs: Annotated[int | None, typer.Option(min=1, help="passes over the training split")] = None,
    seed: Annotated[int, typer.Option(help="seed of split, augmentation and start weights")] = 1,
) -> None:
    """Queue a training run on HEADCT_TRAINING_DATA (or synthetic scans); returns at once with its id."""
    from sqlalchemy.orm import Session

    from db.training_runs import request_run

    context = open_migrated()
    with Session(context.engine) as session, session.begin():
        run_id = request_run(session, seed, epochs)
    context.home.wake.touch()
    typer.echo(f"Training run {run_id} is queued; `headct runs` shows how it ends.")


def runs(limit: Annotated[int, typer.Option(min=1, help="at most this many")] = 20) -> None:
    """Show the training runs, newest first."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from cli.moments import local
    from db.engine import reading
    from db.training_runs import list_runs

    table = Table("run", "state", "requested", "finished", "model / reason", box=None, header_style="bold")
    with reading(open_migrated().engine) as session:
        for run in list_runs(session, limit):
            outcome = Text(run.reason or run.model_version or "")
            table.add_row(str(run.id), run.state, local(run.requested_at), local(run.finished_at), outcome)
    Console().print(table)
