"""(e) `headct results` on a large database, as a person runs it: the whole process."""

import hashlib
import re
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from benchmarks.system import environment
from core.home import Home
from core.settings import Settings
from db.arrivals import NewArrival, record_arrivals
from db.engine import MAX_IDS, database_url, make_engine
from db.lifecycle import Claimant, ModelStamp, Outcome, claim, finish, next_chunks
from db.migrate import migrate

_ROWS, _REPEATS = 10_000, 5
_LEASE, _CLAIMANT = timedelta(minutes=1), Claimant("benchmark")
_MODEL = ModelStamp("benchmark", "0" * 64, "1", 0.5)
# A line of `python -X importtime` ends with the module's name.
_TENSORFLOW = re.compile(r"\|\s+(tensorflow|keras)\b")


def measure_results(root: Path) -> tuple[float, bool]:
    """Seconds of the slower of table and CSV, each the best of several; whether TensorFlow was imported."""
    home = Home(root)
    home.make()
    _fill(home)
    slower = max(
        min(_seconds(root, *arguments) for _ in range(_REPEATS)) for arguments in ((), ("--format", "csv"))
    )
    imports = subprocess.run(
        [sys.executable, "-X", "importtime", "-P", "-m", "cli", "results"],
        cwd=root,
        env=environment(root),
        check=True,
        capture_output=True,
        text=True,
    ).stderr
    return slower, bool(_TENSORFLOW.search(imports))


def _fill(home: Home) -> None:
    engine = make_engine(database_url(Settings(home=home.root), home))
    migrate(engine)
    digests = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(_ROWS)]
    with Session(engine) as session, session.begin():
        record_arrivals(
            session, [NewArrival(digest, 131_072, f"series/{digest[:12]}.png", digest) for digest in digests]
        )
        while chunks := next_chunks(session, 1, MAX_IDS, _LEASE):
            outcomes = []
            for scan in claim(session, chunks[0], _CLAIMANT, _LEASE, max_attempts=3):
                share = (scan.id - 0.5) / _ROWS
                label = "hemorrhage" if share >= _MODEL.threshold else "normal"
                outcomes.append(Outcome(scan.id, share, label))
            finish(session, _CLAIMANT, outcomes, _MODEL)
    engine.dispose()


def _seconds(root: Path, *arguments: str) -> float:
    command = [str(Path(sys.executable).with_name("headct")), "results", *arguments]
    began = time.perf_counter()
    subprocess.run(command, cwd=root, env=environment(root), check=True, stdout=subprocess.PIPE)
    return time.perf_counter() - began
