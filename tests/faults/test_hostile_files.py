"""Damaged files go through the running system: nothing dies or hangs, and all reach a final state."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.faults.system import System
from tests.faults.trials import Files, Trials
from tests.fuzz.bombs import LARGEST
from tests.fuzz.corpus import damaged_files
from tests.fuzz.files import encoded
from tests.fuzz.target import LONGEST_S
from tests.fuzz.test_bombs import REFUSED
from tests.processes import peak_memory
from training.phantoms.synthetic import generate_image

pytestmark = pytest.mark.usefixtures("full_form")

MOST_MEMORY = 1.2e9
"""Bytes, of a classify process, at its peak."""


@pytest.fixture
def ready(system: System, files: Files) -> System:
    """With the network in memory, whatever a test before left."""
    content, name = files.new()
    system.drop(content, name, "classified")
    system.wait_for(name)
    return system


def largest_images(seed: int) -> Iterator[tuple[str, bytes]]:
    """A file with as many pixels as are allowed, in the ways that take most memory, each with a name."""
    grey = Image.fromarray(generate_image(seed, None, (512, 512)).image).resize((LARGEST, LARGEST))
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    for mode, picture in {"L": grey, "RGB": grey.convert("RGB"), "RGBA": grey.convert("RGBA")}.items():
        yield f"{mode}.png", encoded(picture, "PNG")
        yield f"{mode}.tif", encoded(picture, "TIFF", compression="tiff_adobe_deflate")
    yield "16 bit.png", encoded(deep, "PNG")
    yield "16 bit.tif", encoded(deep, "TIFF", compression="tiff_adobe_deflate")
    yield "CMYK.jpg", encoded(grey.convert("CMYK"), "JPEG")
    yield "progressive.jpg", encoded(grey.convert("RGB"), "JPEG", progressive=True)
    yield "RGB.bmp", encoded(grey.convert("RGB"), "BMP")


def decode_seconds(log: Path, first: int) -> list[float]:
    """What the decoding of each chunk took, from the lines of the worker's log after that byte."""
    with log.open("rb") as file:
        file.seek(first)
        lines = [line for line in file.read().splitlines() if b'"decode_ms"' in line]
    assert lines, "the log was rotated"
    return [json.loads(line)["decode_ms"] / 1000 for line in lines]


@contextmanager
def unharmed(system: System) -> Iterator[None]:
    """In the block no chunk takes long, and no classify process dies or takes much memory."""
    children = {child.pid for child in system.children("worker")}
    log = system.home.logs / "worker.log"
    read = log.stat().st_size
    yield
    longest = max(decode_seconds(log, read))
    most = max(map(peak_memory, children))
    print(f"longest chunk {longest:.2f} s, peak memory {most / 1e6:.0f} MB")  # noqa: T201 - for the record
    assert longest < LONGEST_S, f"the files of one chunk took {longest:.1f} s"
    assert {child.pid for child in system.children("worker")} == children, "a process was lost"
    assert most < MOST_MEMORY


def test_damaged_files_end_in_a_final_state_and_harm_nothing(ready: System, trials: Trials) -> None:
    quarantined = ready.count("quarantined")  # by tests before
    with unharmed(ready):
        for trial in trials.of("damaged files", ready, within_s=200, full=1):
            files = list(damaged_files(6500, seed=4 + trial.number))
            assert sum(not name.endswith(".dcm") for name, _ in files) >= 5000, "of PNG, JPEG, TIFF and BMP"
            for name, content in files:
                ready.drop(content, f"damaged-{trial.number}/{name}")
            trial.drop(5)
    assert ready.count("quarantined") == quarantined


def test_bombs_are_rejected_and_the_largest_images_read_within_the_memory(
    ready: System, trials: Trials
) -> None:
    with unharmed(ready):
        for trial in trials.of("bombs, and images of 20 million pixels", ready, within_s=200, full=1):
            for name, (make, _, _) in REFUSED.items():
                ready.drop(make(), f"bomb-{trial.number}/{name}", "rejected")
            for name, content in largest_images(seed=trial.number):
                ready.drop(content, f"large-{trial.number}/{name}", "classified")
            trial.drop(5)
