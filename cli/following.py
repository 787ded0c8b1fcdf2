"""A training run, shown while it goes on."""

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.run_printing import print_outcome
from db.engine import read_session
from db.states import UNFINISHED_RUNS, RunState
from db.tables import EpochRecord
from db.training_runs import epochs_of, find_run
from services.context import Context

_LOOK_S = 0.5


def follow_run(context: Context, run_id: int) -> int:
    """Show the run until it ends, then what came of it; returns the exit code.

    Raises
    ------
    RunNotFound
    """
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as bar:
        task = bar.add_task("waits", total=None, figures="")
        while True:
            with read_session(context.engine) as session:
                run, epochs = find_run(session, run_id), epochs_of(session, run_id)
            if run.state not in UNFINISHED_RUNS:
                break
            if epochs:
                last = epochs[-1]
                doing = "training" if last.number < last.of else "evaluating"
                bar.update(task, description=doing, total=last.of, completed=last.number)
                bar.update(task, figures=_figures(last))
            else:
                bar.update(task, description="prepares" if run.state == RunState.RUNNING else "waits")
            time.sleep(_LOOK_S)
    print_outcome(run)
    return 0 if run.state in (RunState.SUCCEEDED, RunState.SKIPPED) else 1


def _figures(epoch: EpochRecord) -> str:
    auc = "" if epoch.validation_auc is None else f"  validation AUC {epoch.validation_auc:.3f}"
    return f"loss {epoch.loss:.4f}{auc}"
