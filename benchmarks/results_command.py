"""(e) `headct results` and `headct --help`, as a person runs them: whole processes."""

import hashlib
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from statistics import median

from sqlalchemy.orm import Session

from benchmarks.system import environment
from core.home import Home
from core.place import Place
from core.settings import Settings
from db.arrivals import NewArrival, record_arrivals
from db.engine import MAX_IDS, database_url, make_engine
from db.lifecycle import Claimant, ModelStamp, Outcome, claim, finish, next_chunks
from db.migrate import migrate
from models.store import ModelStore
from scheduler.finaliser import Finaliser

_ROWS, _REPEATS = 10_000, 5
_STUDIES = 1_000
_MANY_ROWS, _MANY_REPEATS = 50_000, 3
_STARTS = 9
_HEADCT = str(Path(sys.executable).with_name("headct"))
_RESULTS = [_HEADCT, "results"]
_CSV = ["--format", "csv"]
_LEASE, _CLAIMANT = timedelta(minutes=1), Claimant("benchmark")
_MODEL = ModelStamp("benchmark", "0" * 64, "1", 0.5)
_OF_PYTHON = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
# A line of `python -X importtime` ends with the module's name.
_TENSORFLOW = re.compile(r"\|\s+(tensorflow|keras)\b")


def measure_results(root: Path) -> tuple[dict[str, float], bool]:
    """The figures by their keys; and whether `headct results` imported TensorFlow."""
    home = Home(root)
    home.make()
    _fill(home, range(_ROWS))
    figures = {
        "results_seconds": max(
            min(_seconds(root, command) for _ in range(_REPEATS)) for command in (_RESULTS, _RESULTS + _CSV)
        )
    }
    imports = subprocess.run(
        [sys.executable, "-X", "importtime", "-I", "-m", "cli", "results"],
        cwd=root,
        env=environment(root),
        check=True,
        capture_output=True,
        text=True,
    ).stderr
    sqlalchemy, of_help, of_results = _medians(
        root, _STARTS, [sys.executable, "-c", "import sqlalchemy"], [_HEADCT, "--help"], _RESULTS
    )
    figures |= {
        "help_over_sqlalchemy": of_help / sqlalchemy,
        "results_over_sqlalchemy": of_results / sqlalchemy,
    }
    _fill(home, range(_ROWS, _MANY_ROWS))
    listed, of_studies = _medians(root, _STARTS, _RESULTS, [_HEADCT, "studies"])
    figures["studies_over_results"] = of_studies / listed
    everything = [*_RESULTS, "--limit", "0"]
    table, csv = _medians(root, _MANY_REPEATS, everything, everything + _CSV)
    return figures | {"table_over_csv": table / csv}, bool(_TENSORFLOW.search(imports))


def _fill(home: Home, numbers: range) -> None:
    engine = make_engine(database_url(Settings(home=home.root), home), durable=False)
    migrate(engine)
    digests = [hashlib.sha256(str(number).encode()).hexdigest() for number in numbers]
    with Session(engine) as session, session.begin():
        record_arrivals(
            session, [NewArrival(digest, 131_072, f"series/{digest[:12]}.png", digest) for digest in digests]
        )
        while chunks := next_chunks(session, 1, MAX_IDS, _LEASE):
            outcomes = []
            for image in claim(session, chunks[0], _CLAIMANT, _LEASE, max_attempts=3):
                share = int(image.sha256[:8], 16) / 2**32
                label = "hemorrhage" if share >= _MODEL.threshold else "normal"
                study = f"1.2.{image.id % _STUDIES}"
                place = Place(study, f"{study}.1", f"{study}.1.{image.id}", position_mm=float(image.id))
                outcomes.append(Outcome(image.id, share, label, place=place))
            finish(session, _CLAIMANT, outcomes, _MODEL)
    finaliser = Finaliser(Settings(study_settle_seconds=0), engine, ModelStore(home.models))
    while finaliser.finalise():
        pass
    engine.dispose()


def _medians(root: Path, repeats: int, *commands: Sequence[str]) -> list[float]:
    """Seconds of each command, which take turns, so that all see the same machine; a first turn warms up."""
    turns = [[_seconds(root, command) for command in commands] for _ in range(repeats + 1)]
    return [median(seconds) for seconds in zip(*turns[1:], strict=True)]


def _seconds(root: Path, command: Sequence[str]) -> float:
    # As on a user's machine: Python keeps what it compiled, and gathers output for a pipe.
    surroundings = {name: value for name, value in environment(root).items() if name not in _OF_PYTHON}
    began = time.perf_counter()
    subprocess.run(command, cwd=root, env=surroundings, check=True, stdout=subprocess.PIPE)
    return time.perf_counter() - began
