"""The demo: `headct up` as a process, images dropped into its inbox, rows read from its database."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import Engine, Row

from cli.parts import PARENT
from cli.printing import LABEL_STYLES, NOTICE, STATE_STYLES
from cli.submission import progress_bar
from cli.terminal import say
from core.cores import usable_cores
from core.errors import DatasetError, HeadctError
from core.home import Home
from core.printable import printable
from core.settings import Settings
from db.engine import database_url, make_engine, read_session
from db.queries import count_arrivals, counts_by_state
from db.results import ResultFilter, results
from db.states import UNFINISHED
from models.card import CLASSES, UNCERTAIN
from services.image_files import image_files
from training.labelled.label_table import TABLE, read_table
from training.phantoms.synthetic import write_images
from worker.flower import flower_password, flower_port
from worker.served_model import LOADED

_IMAGES, _SEED = 24, 2026
# The slowest start that is still one: TensorFlow read from a cold disk.
_PATIENCE_S = 180
_STOP_S = 15
_LOOK_S = 0.1


def demonstrate(images: Path | None) -> None:
    """Run the demo on a folder of images, or on synthetic images.

    Raises
    ------
    HeadctError
        The folder holds no image, or the system did not come up; says where its logs are.
    """
    console = Console(highlight=False, soft_wrap=True)
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
        with _running(settings, home) as process, progress_bar() as bar:
            flower = f"http://{settings.flower_address}:{settings.flower_port}"
            starting = bar.add_task("Starting: workers load the network", total=None)
            _wait_for_workers(home, process)
            bar.remove_task(starting)
            classifying = bar.add_task("Classifying", total=len(files))
            began = time.perf_counter()
            for path in files:
                _drop(path, home.inbox / path.relative_to(images))
            for finished in _finished(engine, home, process, len(files)):
                bar.update(classifying, completed=finished)
            seconds = time.perf_counter() - began
            with read_session(engine) as session:
                rows = results(session, ResultFilter())[::-1]
        engine.dispose()
        _print_results(console, rows, _truth(images, files))
        console.print(
            f"{len(rows)} images in {seconds:.1f} s: {len(rows) / seconds:.0f} images/s, drop to result."
        )
        console.print(f"Flower was at {flower} (user {settings.flower_user}, ", end="")
        console.print(
            f"password {flower_password(settings, home)}); everything is stopped again.", markup=False
        )
    console.print("\nGo on with:")
    for command, meaning in (
        ("make up", "run it for good: inbox, database and logs under ./var"),
        (".venv/bin/headct submit FOLDER --wait", "classify a folder of your images"),
        (".venv/bin/headct results", "what became of every image; --help for filters, CSV and JSON"),
    ):
        console.print(f"  {command:<38} {meaning}", markup=False)
    console.print(NOTICE, style="dim")


@contextlib.contextmanager
def _running(settings: Settings, home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """`headct up` on that home, in a folder without a `.env`; stopped in the end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADCT_")}
    environment |= {
        "HEADCT_HOME": str(home.root),
        "HEADCT_FLOWER_PORT": str(settings.flower_port),
        "HEADCT_METRICS_PORT": "0",
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
    """Label by the name of an arrival, from the folder's `labels.csv`; empty without one that can be used."""
    table = folder / TABLE
    if not table.is_file():
        return {}
    try:
        listed = read_table(table, files)
    except DatasetError as error:
        say(f"Without the truth: {error}", err=True)
        return {}
    names = (os.fsencode(one.path.relative_to(folder)).decode("utf-8", "backslashreplace") for one in listed)
    return dict(zip(names, (one.label for one in listed), strict=True))


def _print_results(console: Console, rows: Sequence[Row[Any]], truth: Mapping[str, str]) -> None:
    table = Table(
        "file", "label", "probability", "state", "truth", box=None, header_style="bold", pad_edge=False
    )
    for row in rows:
        true = truth.get(row.source_name, "")
        wrong = bool(true and row.label in CLASSES and true != row.label)
        table.add_row(
            Text(printable(row.source_name)),
            Text(row.label or "", LABEL_STYLES.get(row.label, "")),
            "" if row.probability is None else f"{row.probability:.3f}",
            Text(row.state, STATE_STYLES.get(row.state, "")),
            Text(true + (" (wrong)" if wrong else ""), "red" if wrong else ""),
        )
    console.print(table)
    judged = [row for row in rows if row.label and row.source_name in truth]
    if judged:
        right = sum(row.label == truth[row.source_name] for row in judged)
        uncertain = sum(row.label == UNCERTAIN for row in judged)
        console.print(
            f"{right} of {len(judged)} as labelled, {uncertain} uncertain. "
            "These images may have been in training: no accuracy."
        )
