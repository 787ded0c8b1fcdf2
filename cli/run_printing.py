"""Training runs as tables."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.moments import local, local_short
from cli.printing import NOTICE
from cli.table import Column, fitting, print_rows, wide_as
from cli.terminal import width
from core.home import Home
from core.printable import printable, printable_lines
from db.states import RunState
from db.tables import EpochRecord, TrainingRun

STYLES = {"succeeded": "green", "failed": "red", "cancelled": "yellow", "skipped": "dim"}
_EPOCHS_SHOWN = 10
_METRICS = ("accuracy", "auc", "sensitivity", "specificity", "log_loss")


_Run = Column[TrainingRun]
_STATE = _Run("state", max(map(len, RunState)), lambda run: run.state, STYLES)
_WHY = _Run("why", 36, lambda run: run.reason or "")


def print_runs(runs: Sequence[TrainingRun]) -> None:
    """A line a run, and why below it where there is no room beside."""
    if not runs:
        Console().print("No training run yet. `headct train` requests one.")
        return
    number = _Run("run", wide_as("run", (str(run.id) for run in runs)), lambda run: str(run.id))
    model = _Run("model", wide_as("model", map(_model, runs)), _model)
    by = _Run(
        "by", wide_as("by", (run.requested_by or "" for run in runs), 16), lambda run: run.requested_by or ""
    )
    requested, finished = (
        _Run("requested", 19, lambda run: local(run.requested_at)),
        _Run("finished", 19, lambda run: local(run.finished_at)),
    )
    asked, ended = (
        _Run("requested", 11, lambda run: local_short(run.requested_at)),
        _Run("finished", 11, lambda run: local_short(run.finished_at)),
    )
    choices = (
        [number, _STATE, requested, by, finished, model],
        [number, _STATE, asked, by, ended, model],
        [number, _STATE, asked, ended, model],
        [number, _STATE, model],
    )
    print_rows(fitting(choices, width()), runs, _WHY)


def _model(run: TrainingRun) -> str:
    return run.model_version or ""


def print_run(run: TrainingRun, epochs: Sequence[EpochRecord], home: Home) -> None:
    """All that is known of one run."""
    report, log = home.report(run.id) / "report.html", home.training_log(run.id)
    facts = Table.grid(padding=(0, 2))
    facts.add_column(no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in (
        ("run", str(run.id)),
        ("state", run.state + (", to be cancelled" if run.cancel_requested else "")),
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
    ):
        facts.add_row(name, Text(printable(value)))
    curve = Table(box=None, header_style="bold")
    for title in ("epoch", "loss", "validation loss", "validation AUC"):
        curve.add_column(title, overflow="fold")
    for epoch in epochs[-_EPOCHS_SHOWN:]:
        curve.add_row(
            f"{epoch.number} of {epoch.of}",
            f"{epoch.loss:.4f}",
            _figure(epoch.validation_loss),
            _figure(epoch.validation_auc),
        )
    console = Console(soft_wrap=True)
    console.print(facts)
    if epochs:
        console.print("", curve, sep="\n")
    if run.metrics:
        _print_metrics(console, run.metrics)
    console.print(NOTICE, style="dim")


def print_outcome(run: TrainingRun) -> None:
    """What came of a run that ended."""
    console = Console(soft_wrap=True)
    console.print(Text(f"Training run {run.id} {run.state}.", STYLES.get(run.state, "")))
    if run.model_version:
        console.print(f"Model {run.model_version}", markup=False)
    if run.reason:
        console.print(printable_lines(run.reason), markup=False)
    if run.metrics:
        _print_metrics(console, run.metrics)
        console.print(f"`headct runs report {run.id}` has the rest.", markup=False)


def _print_metrics(console: Console, metrics: dict[str, Any]) -> None:
    table = Table("test split", "", "95 % interval", box=None, header_style="bold")
    for name in _METRICS:
        if name in metrics:
            low, high = metrics.get(f"{name}_ci95", (None, None))
            table.add_row(
                name.replace("_", " "), _figure(metrics[name]), f"{_figure(low)} to {_figure(high)}"
            )
    console.print(table)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
