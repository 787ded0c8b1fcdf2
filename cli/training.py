"""`headct train` and `headct runs`."""

from enum import StrEnum
from typing import Annotated

import typer

from cli.numbers import BIGINT_MAX, INTEGER_MAX
from cli.user import user_name
from services.context import open_migrated

runs = typer.Typer(help="List, follow, cancel and report training runs.")
RunId = Annotated[int, typer.Argument(metavar="ID", min=1, max=BIGINT_MAX, help="as `headct runs` lists it")]


class Promote(StrEnum):
    """Whether a new version may come into use by itself."""

    AUTO = "auto"
    NEVER = "never"


def train(
    epochs: Annotated[
        int | None, typer.Option(min=1, max=INTEGER_MAX, help="passes over the training split")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=INTEGER_MAX, help="seed of augmentation and start weights")
    ] = 1,
    promote: Annotated[
        Promote, typer.Option(help="auto: the new version is used if the gate finds it not worse")
    ] = Promote.AUTO,
    follow: Annotated[bool, typer.Option("--follow", help="show the run until it ends")] = False,
) -> None:
    """Queue a training run on the imported and labelled images; returns at once with its id."""
    from sqlalchemy.orm import Session

    from cli.extras import can_train
    from cli.following import follow_run
    from db.training_runs import RunRequest, request_run
    from training.dataset import load_records

    context = open_migrated()
    load_records(context.engine, context.home)  # what cannot be trained on is told now, not by the run
    request = RunRequest(seed, epochs, promote is Promote.AUTO, user_name())
    with Session(context.engine) as session, session.begin():
        run_id = request_run(session, request)
    if not can_train():
        typer.echo("It waits for a training worker elsewhere: the extra `train` is missing here.", err=True)
    if follow:
        typer.echo(f"Training run {run_id}", err=True)
        raise typer.Exit(follow_run(context, run_id))
    typer.echo(f"Training run {run_id} is queued. `headct runs follow {run_id}` shows how it goes.")


@runs.callback(invoke_without_command=True)
def list_runs(
    command: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=BIGINT_MAX, help="at most this many")] = 20,
) -> None:
    """Show the training runs, newest first."""
    if command.invoked_subcommand is not None:
        return
    from cli.run_printing import print_runs
    from db import training_runs
    from db.engine import read_session

    with read_session(open_migrated().engine) as session:
        print_runs(training_runs.list_runs(session, limit))


@runs.command()
def show(run_id: RunId) -> None:
    """Show all that is known of one run."""
    from cli.run_printing import print_run
    from db.engine import read_session
    from db.training_runs import epochs_of, find_run

    context = open_migrated()
    with read_session(context.engine) as session:
        print_run(find_run(session, run_id), epochs_of(session, run_id), context.home)


@runs.command()
def follow(run_id: RunId) -> None:
    """Show a run until it ends; Ctrl-C ends the showing only. Exit code 1 if it made no version."""
    from cli.following import follow_run

    raise typer.Exit(follow_run(open_migrated(), run_id))


@runs.command()
def cancel(run_id: RunId) -> None:
    """Cancel a run: at once if it waits, else after the batch under way. The version in use stays."""
    from sqlalchemy.orm import Session

    from db.states import RunState
    from db.training_runs import cancel_run

    context = open_migrated()
    with Session(context.engine) as session, session.begin():
        state = cancel_run(session, run_id)
    if state is RunState.REQUESTED:
        typer.echo(f"Training run {run_id} is cancelled.")
    elif state is RunState.RUNNING:
        typer.echo(f"Training run {run_id} ends after its batch. `headct runs follow {run_id}` shows it.")
    else:
        typer.echo(f"Training run {run_id} has ended already ({state.value}): nothing to cancel.", err=True)
        raise typer.Exit(1)


@runs.command()
def report(run_id: RunId) -> None:
    """Print where a run's report is: one HTML page, and its figures as JSON beside it."""
    from core.errors import RunNotFound
    from db.engine import read_session
    from db.training_runs import find_run

    context = open_migrated()
    with read_session(context.engine) as session:
        run = find_run(session, run_id)
    page = context.home.report(run_id) / "report.html"
    if not page.is_file():
        raise RunNotFound(
            f"Training run {run_id} ({run.state}) has no report: only a run that evaluated a version has one."
        )
    typer.echo(page)
