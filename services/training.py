"""Training runs: asked for, followed, cancelled, reported; `RunNotFound` where there is no such run."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.orm import Session

from core.errors import RunNotFound, RunUnderWay
from db.audit import add_entry
from db.engine import read_session
from db.states import UNFINISHED_RUNS, RunState
from db.tables import EpochRecord, TrainingRun
from db.training_runs import (
    RunRequest,
    cancel_run,
    epochs_of,
    find_run,
    list_runs,
    request_run,
    unfinished_run,
)
from services.audit import Who
from services.context import Context
from training.dataset import load_records

_LOOK_S = 0.5
WAITS, OVER = "waits", "is over"


class Progress(NamedTuple):
    """What a run does (`waits`, `prepares`, `trains`, `evaluates`, `is over`), and seconds to its last epoch.

    They are None where that cannot be told.
    """

    stage: str
    seconds_left: float | None


def request(context: Context, asked: RunRequest, *, address: str | None = None, alone: bool = False) -> int:
    """Queue a run, which stands in the audit; returns its id.

    Parameters
    ----------
    address
        Of the browser or program that asks.
    alone
        Whether it is refused while another run waits or is under way.

    Raises
    ------
    DatasetError
        There is nothing to train on: told now, not by the run.
    RunUnderWay
    """
    load_records(context.engine, context.home)
    with Session(context.engine) as session, session.begin():
        if alone and (other := unfinished_run(session)):
            raise RunUnderWay(f"Training run {other} is not over yet.")
        run_id = request_run(session, asked)
        add_entry(session, asked.requested_by, "start training", f"run {run_id}", None, address)
        return run_id


def newest(context: Context, limit: int) -> Sequence[TrainingRun]:
    """At most so many runs, the newest first."""
    with read_session(context.engine) as session:
        return list_runs(session, limit)


def look_up(context: Context, run_id: int) -> tuple[TrainingRun, Sequence[EpochRecord]]:
    """A run, and the epochs that it has done."""
    with read_session(context.engine) as session:
        return find_run(session, run_id), epochs_of(session, run_id)


def follow(context: Context, run_id: int) -> Iterator[tuple[TrainingRun, Sequence[EpochRecord]]]:
    """As `look_up`, again and again until the run has ended."""
    while True:
        run, epochs = look_up(context, run_id)
        yield run, epochs
        if run.state not in UNFINISHED_RUNS:
            return
        time.sleep(_LOOK_S)


def progress(run: TrainingRun, epochs: Sequence[EpochRecord]) -> Progress:
    """How far a run is: time left as its epochs took it so far, what comes after the last one not counted."""
    if run.state != RunState.RUNNING:
        return Progress(WAITS if run.state == RunState.REQUESTED else OVER, None)
    if not epochs:
        return Progress("prepares", None)
    last = epochs[-1]
    if last.number >= last.of:
        return Progress("evaluates", None)
    # The first epoch's beginning is not known; of it alone nothing can be said that holds.
    taken = (last.ended_at - epochs[0].ended_at).total_seconds()
    left = taken / (last.number - 1) * (last.of - last.number) if last.number > 1 else None
    return Progress("trains", left)


def cancel(context: Context, run_id: int, who: Who) -> RunState:
    """Cancel a run: at once if it waits, else after the batch under way; returns the state that it had."""
    with Session(context.engine) as session, session.begin():
        state = cancel_run(session, run_id)
        if state in UNFINISHED_RUNS:
            add_entry(session, who.account, "cancel training", f"run {run_id}", None, who.address)
        return state


def report(context: Context, run_id: int) -> Path:
    """The page of a run's report.

    Raises
    ------
    RunNotFound
        There is no such run, or it has none.
    """
    run, _ = look_up(context, run_id)
    page = _report(context, run_id)
    if not page.is_file() or page.is_symlink():
        raise RunNotFound(
            f"Training run {run_id} ({run.state}) has no report: only a run that evaluated a version has one."
        )
    return page


def has_report(context: Context, run_id: int) -> bool:
    """Whether that run has written one."""
    return _report(context, run_id).is_file()


def _report(context: Context, run_id: int) -> Path:
    return context.home.report(run_id) / "report.html"
