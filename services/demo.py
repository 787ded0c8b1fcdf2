"""The demo: `headct up` as a process, images dropped into its inbox, rows read from its database."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Engine, Row

from core.cores import usable_cores
from core.errors import DatasetError, HeadctError
from core.home import Home
from core.parent import PARENT
from core.printable import printable
from core.settings import Settings
from db.engine import database_url, make_engine, read_session
from db.queries import count_arrivals, counts_by_state
from db.results import ResultFilter, results
from db.states import UNFINISHED
from services.image_files import image_files
from training.labelled.label_table import TABLE, read_table
from training.phantoms.synthetic import write_images
from worker.flower import flower_port
from worker.served_model import LOADED

_IMAGES, _SEED = 24, 2026
# The slowest start that is still one: TensorFlow read from a cold disk.
_PATIENCE_S = 180
_STOP_S = 15
_LOOK_S = 0.1


@dataclass(frozen=True)
class Demonstrated:
    """The results in the order of names, and the seconds from the first drop to the last of them.

    `truth` is labels by the names of arrivals, or why their table cannot be used; `flower` its address.
    """

    rows: Sequence[Row[Any]]
    truth: Mapping[str, str] | DatasetError
    seconds: float
    flower: str


def demonstrate(images: Path | None, told: Callable[..., None]) -> Demonstrated:
    """Run the system under a temporary home, on a folder of images or on synthetic ones.

    Parameters
    ----------
    told
        Called with the images that are done, all of them, and `doing` what where that changes.

    Raises
    ------
    HeadctError
        The folder holds no image, or the system did not come up; says where its logs are.
    """
    with tempfile.TemporaryDirectory(prefix="headct-demo-") as folder:
        root = Path(folder)
        if images is None:
            images = root / "images"
            write_images(images, _IMAGES, _SEED)
        files = image_files(images).images
        if not files:
            raise DatasetError(
                f"There is no image in {printable(str(images))}. Name a folder with PNG, JPEG, TIFF, BMP or "
                "DICOM files."
            )
        settings = Settings(home=root / "home", flower_port=0)
        settings = replace(settings, flower_port=flower_port(settings))
        home = Home(settings.home)
        home.make()
        engine = make_engine(database_url(settings, home))
        with _running(settings, home) as process:
            told(0, doing="Starting: workers load the network")
            _wait_for_workers(home, process)
            told(0, len(files), "Classifying")
            began = time.perf_counter()
            for path in files:
                _drop(path, home.inbox / path.relative_to(images))
            for finished in _finished(engine, home, process, len(files)):
                told(finished)
            seconds = time.perf_counter() - began
            with read_session(engine) as session:
                rows = results(session, ResultFilter(sort="file"))
        engine.dispose()
        try:
            truth: Mapping[str, str] | DatasetError = _truth(images, files)
        except DatasetError as error:
            truth = error
        address = f"http://{settings.flower_address}:{settings.flower_port}"
        return Demonstrated(rows, truth, seconds, address)


@contextlib.contextmanager
def _running(settings: Settings, home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """`headct up` on that home, in a folder without a `.env`; stopped in the end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADCT_")}
    environment |= {
        "HEADCT_HOME": str(home.root),
        "HEADCT_FLOWER_PORT": str(settings.flower_port),
        "HEADCT_METRICS_PORT": "0",
        "HEADCT_WEB_PORT": "0",
        PARENT: str(os.getpid()),
    }
    with (home.logs / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", "cli", "up"],
            cwd=home.root,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches this process, which then stops that one
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_STOP_S)


def _wait_for_workers(home: Home, process: subprocess.Popen[bytes]) -> None:
    """Until each classify process has its network in memory, so that the throughput is not the loading's."""
    deadline, log = time.monotonic() + _PATIENCE_S, home.logs / "worker.log"
    while True:
        _check(process, home, deadline)
        if log.exists() and log.read_text(errors="replace").count(LOADED) >= usable_cores():
            return
        time.sleep(_LOOK_S)


def _finished(engine: Engine, home: Home, process: subprocess.Popen[bytes], total: int) -> Iterator[int]:
    """How many files have arrived and need no more work, until all do; some may be the same image."""
    deadline, finished = time.monotonic() + _PATIENCE_S, -1
    while finished < total:
        _check(process, home, deadline)
        with read_session(engine) as session:
            counts, arrived = counts_by_state(session), count_arrivals(session)
        now_finished = arrived - sum(counts[state] for state in UNFINISHED)
        if now_finished > finished:
            deadline = time.monotonic() + _PATIENCE_S
        finished = now_finished
        yield finished
        time.sleep(_LOOK_S)


def _check(process: subprocess.Popen[bytes], home: Home, deadline: float) -> None:
    if process.poll() is None and time.monotonic() < deadline:
        return
    said = "\n".join(
        path.read_text(errors="replace")[-2000:]
        for path in (home.logs / "up.log", home.logs / "worker.log")
        if path.exists()
    )
    raise HeadctError(f"The system did not come up or got no further. It said:\n{said}")


def _drop(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def _truth(folder: Path, files: Sequence[Path]) -> Mapping[str, str]:
    """Label by the name of an arrival, from the folder's `labels.csv`; empty without one.

    Raises
    ------
    DatasetError
        It cannot be used.
    """
    table = folder / TABLE
    if not table.is_file():
        return {}
    listed = read_table(table, files)
    names = (os.fsencode(one.path.relative_to(folder)).decode("utf-8", "backslashreplace") for one in listed)
    return dict(zip(names, (one.label for one in listed), strict=True))
