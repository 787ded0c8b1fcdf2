"""Training runs: asked for, followed, cancelled, reported; `RunNotFound` where there is no such run."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from core.errors import RunNotFound
from db.engine import read_session
from db.states import UNFINISHED_RUNS, RunState
from db.tables import EpochRecord, TrainingRun
from db.training_runs import RunRequest, cancel_run, epochs_of, find_run, list_runs, request_run
from services.context import Context
from training.dataset import load_records

_LOOK_S = 0.5


def request(context: Context, asked: RunRequest) -> int:
    """Queue a run; returns its id.

    Raises
    ------
    DatasetError
        There is nothing to train on: told now, not by the run.
    """
    load_records(context.engine, context.home)
    with Session(context.engine) as session, session.begin():
        return request_run(session, asked)


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


def cancel(context: Context, run_id: int) -> RunState:
    """Cancel a run: at once if it waits, else after the batch under way; returns the state that it had."""
    with Session(context.engine) as session, session.begin():
        return cancel_run(session, run_id)


def report(context: Context, run_id: int) -> Path:
    """The page of a run's report.

    Raises
    ------
    RunNotFound
        There is no such run, or it has none.
    """
    run, _ = look_up(context, run_id)
    page = context.home.report(run_id) / "report.html"
    if not page.is_file():
        raise RunNotFound(
            f"Training run {run_id} ({run.state}) has no report: only a run that evaluated a version has one."
        )
    return page
