"""Training runs as tables."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.moments import local
from cli.printing import NOTICE
from core.home import Home
from db.tables import EpochRecord, TrainingRun

STYLES = {"succeeded": "green", "failed": "red", "cancelled": "yellow", "skipped": "dim"}
_EPOCHS_SHOWN = 10
_METRICS = ("accuracy", "auc", "sensitivity", "specificity", "log_loss")


def print_runs(runs: Sequence[TrainingRun]) -> None:
    """A line a run."""
    table = Table(
        "run", "state", "requested", "by", "finished", "model", "why", box=None, header_style="bold"
    )
    for run in runs:
        table.add_row(
            str(run.id),
            Text(run.state, STYLES.get(run.state, "")),
            local(run.requested_at),
            Text(run.requested_by or ""),
            local(run.finished_at),
            run.model_version or "",
            Text(run.reason or ""),
        )
    Console().print(table if runs else "No training run yet. `headct train` requests one.")


def print_run(run: TrainingRun, epochs: Sequence[EpochRecord], home: Home) -> None:
    """All that is known of one run."""
    report, log = home.report(run.id) / "report.html", home.training_log(run.id)
    facts = Table.grid(padding=(0, 2))
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
        facts.add_row(name, Text(value))
    curve = Table("epoch", "loss", "validation loss", "validation AUC", box=None, header_style="bold")
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
        console.print(run.reason, markup=False)
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
