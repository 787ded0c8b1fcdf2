"""What must hold in a home after every fault, whatever the fault was."""

import contextlib
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import psutil
from sqlalchemy import Engine, String, cast, func, select, text
from sqlalchemy.orm import Session

from core.home import Home
from core.settings import Settings
from db.engine import now, read_session
from db.states import UNFINISHED, UNFINISHED_RUNS, FileState, StudyState
from db.tables import Arrival, File, Image, Prediction, Series, Study, StudyResult, TrainingRun, WorklistItem
from scheduler.claims import CLAIMS
from scheduler.inbox import find_files

_MAX_ATTEMPTS = Settings().max_attempts


@dataclass(frozen=True)
class Drop:
    """One file that was put into the inbox, or lies in an archive that was, and the state it is to end in.

    None: any final one. `frames` are to have a result each; 0: as many as there are.
    """

    name: str
    sha256: str
    state: str | None = None
    of_archive: bool = False
    frames: int = 0


@dataclass(frozen=True)
class Findings:
    """What became of the files; `problems` says which invariants do not hold.

    Attributes
    ----------
    lost
        Files that are not recorded, or that have another state, or not all results that are due.
    doubled
        Files recorded, or results made, more than once.
    stuck
        Files still in the inbox, files and training runs without a final state, files that wait for a person
        without need, and studies and images that the worklist does not show as they are.
    """

    files: int
    lost: int
    doubled: int
    stuck: int
    problems: tuple[str, ...]


def check(home: Home, engine: Engine, dropped: Sequence[Drop]) -> Findings:
    """Check a home that has had the time to finish; `dropped` is all that was ever put into its inbox."""
    with read_session(engine) as session:
        files = session.execute(
            select(File.id, File.sha256, File.state, File.attempts, File.lease_expires_at)
        ).all()
        arrivals = session.execute(
            select(Arrival.source_name, File.sha256, Arrival.archive_id.is_not(None)).join(
                File, File.id == Arrival.file_id
            )
        ).all()
        results = session.execute(
            select(Image.file_id, Image.frame, Prediction.model_version, func.count())
            .join(Image, Image.id == Prediction.image_id)
            .group_by(Image.file_id, Image.frame, Prediction.model_version)
        ).all()
        studies = _studies(session)
        misplaced = _misplaced(session)
        runs = session.scalars(select(TrainingRun.id).where(TrainingRun.state.in_(UNFINISHED_RUNS))).all()
    arrived = Counter((name, sha256) for name, sha256, _ in arrivals)
    expected = Counter((drop.name, drop.sha256) for drop in dropped)
    state_of = {file.sha256: file.state for file in files}
    with_result = {file_id for file_id, *_ in results}
    sha256_of = {file.id: file.sha256 for file in files}
    frames = Counter(sha256_of[file_id] for file_id, *_ in results)

    not_recorded = (expected - arrived).total()
    without_result = sum(file.state == FileState.CLASSIFIED and file.id not in with_result for file in files)
    ended = {file.sha256: file.state for file in files if file.state not in UNFINISHED}
    other_frames = sum(drop.frames not in (0, frames[drop.sha256]) for drop in dropped)
    wrong = [drop for drop in dropped if drop.state not in (None, ended.get(drop.sha256, drop.state))]
    needless = [drop for drop in wrong if state_of[drop.sha256] == FileState.QUARANTINED]
    unfinished = [file for file in files if file.state in UNFINISHED]
    overdue = sum(file.lease_expires_at is not None and file.lease_expires_at < now() for file in unfinished)
    # Of what a damaged archive holds nothing is known beforehand; its members' keys are unique.
    dropped_themselves = Counter((name, sha256) for name, sha256, of_archive in arrivals if not of_archive)
    recorded_twice = (dropped_themselves - expected).total()
    results_twice = sum(count > 1 for *_, count in results)
    left = sum(1 for _ in find_files(home.inbox)) + sum(1 for _ in find_files(home.inbox / CLAIMS))
    untried = sum(file.attempts > _MAX_ATTEMPTS for file in files)
    found = {
        f"{not_recorded} files are not recorded": not_recorded,
        f"{without_result} files are classified and have no result": without_result,
        f"{other_frames} files have not one result of each frame": other_frames,
        f"{len(wrong)} files ended in another state: {Counter(state_of[drop.sha256] for drop in wrong)}, as "
        f"{', '.join(drop.name for drop in wrong[:3])}": len(wrong),
        f"{recorded_twice} files are recorded more than once, or were never dropped": recorded_twice,
        f"{results_twice} images have two results of one version": results_twice,
        f"{left} files are in the inbox or in a claim": left,
        f"{len(unfinished)} files are unfinished: {Counter(file.state for file in unfinished)}": len(
            unfinished
        ),
        f"{overdue} files are unfinished beyond their lease": overdue,
        f"{untried} files were tried more than {_MAX_ATTEMPTS} times": untried,
        f"{len(runs)} training runs are unfinished": len(runs),
        f"{studies.open} studies are open": studies.open,
        f"{studies.partial} results of studies are not of all their images": studies.partial,
        f"{misplaced} rows of the worklist are not as the views say": misplaced,
        f"{studies.repeated} results of studies say the same as the one before": studies.repeated,
        **_compare_store(home, state_of),
        **{f"process {one.pid} is left over: {one.name()}": 1 for one in left_over(home)},
    }
    return Findings(
        files=len(dropped),
        lost=not_recorded + without_result + other_frames + len(wrong) - len(needless) + studies.partial,
        doubled=recorded_twice + results_twice + studies.repeated,
        stuck=left + len(unfinished) + len(needless) + len(runs) + studies.open + misplaced,
        problems=tuple(problem for problem, count in found.items() if count),
    )


class _Studies(NamedTuple):
    open: int
    partial: int
    repeated: int


def _studies(session: Session) -> _Studies:
    """What is wrong with studies of DICOM files."""
    images = session.execute(
        select(Series.study_id, func.coalesce(Image.sop_instance_uid, cast(Image.id, String)))
        .add_columns(Image.frame, Image.position_mm, Image.instance_number)
        .join(Image, Image.series_id == Series.id)
        .distinct()
    )
    instances = Counter(study_id for study_id, *_ in images).items()
    said: dict[int, list[tuple[Any, ...]]] = {}
    for one in session.scalars(select(StudyResult).order_by(StudyResult.study_id, StudyResult.number)):
        facts = one.model_version, one.label, one.probability, one.images_received, one.images_assessed
        said.setdefault(one.study_id, []).append((*facts, tuple(one.driving_images)))
    received = {study_id: results[-1][3] for study_id, results in said.items()}
    return _Studies(
        open=session.scalar(select(func.count()).where(Study.state == StudyState.OPEN)) or 0,
        partial=sum(received.get(study_id) != count for study_id, count in instances),
        repeated=sum(one == other for results in said.values() for one, other in pairwise(results)),
    )


def _misplaced(session: Session) -> int:
    """How many rows the worklist lacks, has too much, or has otherwise than the views."""
    studies = text(
        "SELECT study_id, NULL, state, label, reader_label, priority = 'stat' FROM studies "
        "WHERE images_received > 0"
    )
    alone = text(
        "SELECT NULL, results.image_id, 'final', label, reader_label, file.stat FROM results "
        "JOIN file ON file.id = results.file_id JOIN image ON image.id = results.image_id "
        "WHERE label IS NOT NULL AND image.series_id IS NULL AND NOT EXISTS (SELECT 1 FROM arrival "
        "WHERE arrival.file_id = file.id AND arrival.study_id IS NOT NULL)"
    )
    rows = [tuple(row) for query in (studies, alone) for row in session.execute(query)]
    items = session.execute(
        select(
            WorklistItem.study_id, WorklistItem.image_id, WorklistItem.state, WorklistItem.label
        ).add_columns(WorklistItem.reader_label, WorklistItem.urgency % 20 < 10)
    )
    return len({(*row[:5], bool(row[5])) for row in rows} ^ {(*row[:5], bool(row[5])) for row in items})


def _compare_store(home: Home, state_of: dict[str, str]) -> dict[str, int]:
    stored = {
        path.name: path
        for folder in (home.store, home.rejected)
        for path in folder.iterdir()
        if not path.name.startswith(".")  # what a killed scheduler had not finished; the file came again
    }
    missing = len(state_of.keys() - stored.keys())
    unknown = len(stored.keys() - state_of.keys())
    altered = sum(
        hashlib.sha256(stored[sha256].read_bytes()).hexdigest() != sha256
        for sha256, state in state_of.items()
        if state == FileState.CLASSIFIED and sha256 in stored
    )
    return {
        f"{missing} files have no file in the store": missing,
        f"{unknown} files in the store have no file": unknown,
        f"{altered} classified files have other bytes in the store": altered,
    }


def processes_of(home: Home) -> list[psutil.Process]:
    """Every process that was started for this home, `up` and orphans included.

    Redis writes its title over its environment, but names its socket in it.
    """
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            named = str(home.redis_socket) in " ".join(process.cmdline())
            if named or process.environ().get("HEADCT_HOME") == str(home.root):
                found.append(process)
    return found


def left_over(home: Home) -> list[psutil.Process]:
    """Processes of this home that do not belong to its running `up`."""
    processes = processes_of(home)
    lock = home.run / "up.lock"
    up = int(lock.read_text() or 0) if lock.exists() else 0
    with contextlib.suppress(psutil.NoSuchProcess):
        supervisor = psutil.Process(up)
        ours = {supervisor, *supervisor.children(recursive=True)}
        return [process for process in processes if process not in ours and process.is_running()]
    return processes
