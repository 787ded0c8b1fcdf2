"""`headct train` and `headct runs`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import typer

from cli.arguments import BIGINT_MAX, INTEGER_MAX, user_name
from cli.printing import (
    NOTICE,
    Column,
    as_wide,
    figure,
    interval,
    local,
    moments,
    print_facts,
    print_rows,
    print_table,
    tell,
)
from core.home import Home
from db.states import RunState
from db.tables import EpochRecord, TrainingRun
from db.training_runs import RunRequest
from services import training
from services.audit import Who
from services.context import Context, open_migrated
from services.extras import can_train

runs = typer.Typer(help="List, follow, cancel and report training runs.")
RunId = Annotated[int, typer.Argument(metavar="ID", min=1, max=BIGINT_MAX, help="as `headct runs` lists it")]
STYLES = {"succeeded": "green", "failed": "red", "cancelled": "yellow", "skipped": "dim"}
_EPOCHS_SHOWN = 10
_METRICS = ("accuracy", "auc", "sensitivity", "specificity", "log_loss")


def train(
    epochs: Annotated[
        int | None, typer.Option(min=1, max=INTEGER_MAX, help="passes over the training split")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=INTEGER_MAX, help="seed of augmentation and start weights")
    ] = 1,
    promote: Annotated[
        Literal["auto", "never"],
        typer.Option(help="auto: the new version is used if the gate finds it not worse"),
    ] = "auto",
    follow: Annotated[bool, typer.Option("--follow", help="show the run until it ends")] = False,
) -> None:
    """Queue a training run on the imported and labelled images.

    Returns at once with its id.
    """
    context = open_migrated()
    run_id = training.request(context, RunRequest(seed, epochs, promote == "auto", user_name()))
    if not can_train():
        typer.echo("It waits for a training worker elsewhere: the extra `train` is missing here.", err=True)
    if follow:
        typer.echo(f"Training run {run_id}", err=True)
        raise typer.Exit(_follow(context, run_id))
    typer.echo(f"Training run {run_id} is queued. `headct runs follow {run_id}` shows how it goes.")


@runs.callback(invoke_without_command=True)
def list_runs(
    command: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=BIGINT_MAX, help="at most this many")] = 20,
) -> None:
    """Show the training runs, newest first."""
    if command.invoked_subcommand is None:
        print_runs(training.newest(open_migrated(), limit))


@runs.command()
def show(run_id: RunId) -> None:
    """Show all that is known of one run."""
    context = open_migrated()
    print_run(*training.look_up(context, run_id), context.home)


@runs.command()
def follow(run_id: RunId) -> None:
    """Show a run until it ends; Ctrl-C ends the showing only. Exit code 1 if it made no version."""
    raise typer.Exit(_follow(open_migrated(), run_id))


def _follow(context: Context, run_id: int) -> int:
    """Show the run until it ends, then what came of it; returns the exit code."""
    from cli.failures import warn_unless_running
    from cli.progress import progress

    warn_unless_running(context)
    with progress("waits") as told:
        for run, epochs in training.follow(context, run_id):
            stage = training.progress(run, epochs).stage
            if epochs:
                last = epochs[-1]
                told(last.number, last.of, f"{stage}, {_figures(last)}")
            elif not run.finished_at:
                told(0, doing=stage)
    print_outcome(run)
    return 0 if run.state in (RunState.SUCCEEDED, RunState.SKIPPED) else 1


def _figures(epoch: EpochRecord) -> str:
    auc = "" if epoch.validation_auc is None else f", validation AUC {epoch.validation_auc:.3f}"
    return f"loss {epoch.loss:.4f}{auc}"


@runs.command()
def cancel(run_id: RunId) -> None:
    """Cancel a run: at once if it waits, else after the batch under way. The version in use stays."""
    state = training.cancel(open_migrated(), run_id, Who(user_name()))
    if state is RunState.REQUESTED:
        typer.echo(f"Training run {run_id} is cancelled.")
    elif state is RunState.RUNNING:
        typer.echo(f"Training run {run_id} ends after its batch. `headct runs follow {run_id}` shows it.")
    else:
        typer.echo(f"Training run {run_id} has ended already ({state.value}): nothing to cancel.", err=True)
        raise typer.Exit(1)


@runs.command()
def report(run_id: RunId) -> None:
    """Print where a run's report is. It is one HTML page, with its figures as JSON beside it."""
    typer.echo(training.report(open_migrated(), run_id))


def print_runs(runs: Sequence[TrainingRun]) -> None:
    """A line a run, and why below it where there is no room beside."""
    if not runs:
        tell("No training run yet. `headct train` requests one.")
        return
    number = as_wide("run", runs, lambda run: str(run.id))
    state = Column[TrainingRun]("state", max(map(len, RunState)), lambda run: run.state, STYLES)
    model = as_wide("model", runs, lambda run: run.model_version or "")
    by = as_wide("by", runs, lambda run: run.requested_by or "", 16)
    requested, asked = moments("requested", "requested_at")
    finished, ended = moments("finished", "finished_at")
    choices = (
        [number, state, requested, by, finished, model],
        [number, state, asked, by, ended, model],
        [number, state, asked, ended, model],
        [number, state, model],
    )
    print_rows(choices, runs, Column("why", 36, lambda run: run.reason or ""))


def print_run(run: TrainingRun, epochs: Sequence[EpochRecord], home: Home) -> None:
    """All that is known of one run."""
    report, log = home.report(run.id) / "report.html", home.training_log(run.id)
    ends_soon = run.cancel_requested and not run.finished_at
    print_facts(
        (
            ("run", str(run.id)),
            ("state", run.state + (", to be cancelled" if ends_soon else "")),
            ("why", run.reason or ""),
            ("requested", f"{local(run.requested_at)} by {run.requested_by or 'unknown'}"),
            ("started", local(run.started_at)),
            ("finished", local(run.finished_at)),
            ("attempts", str(run.attempts)),
            ("seed", str(run.seed)),
            ("model", run.model_version or ""),
            ("data", (run.data_fingerprint or "")[:12]),
            ("report", str(report) if report.exists() else ""),
            ("log", str(log) if log.exists() else ""),
        )
    )
    if epochs:
        tell("")
        print_table(
            ["epoch", "loss", "validation loss", "validation AUC"],
            [
                (
                    f"{epoch.number} of {epoch.of}",
                    f"{epoch.loss:.4f}",
                    figure(epoch.validation_loss),
                    figure(epoch.validation_auc),
                )
                for epoch in epochs[-_EPOCHS_SHOWN:]
            ],
        )
    if run.metrics:
        _print_metrics(run.metrics)
    tell(NOTICE, "dim")


def print_outcome(run: TrainingRun) -> None:
    """What came of a run that ended."""
    tell(f"Training run {run.id} {run.state}.", STYLES.get(run.state, ""))
    if run.model_version:
        tell(f"Model {run.model_version}")
    if run.reason:
        tell(run.reason)
    if run.metrics:
        _print_metrics(run.metrics)
        tell(f"`headct runs report {run.id}` has the rest.")


def _print_metrics(metrics: Mapping[str, Any]) -> None:
    print_table(
        ["test split", "", "95 % interval"],
        [
            (name.replace("_", " "), figure(metrics[name]), interval(metrics, name))
            for name in _METRICS
            if name in metrics
        ],
    )
