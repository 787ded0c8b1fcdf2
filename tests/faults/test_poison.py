"""A file that kills or hangs its decoder is quarantined after three attempts, and no other file suffers."""

import re
from pathlib import Path

import pytest
from sqlalchemy import select

from db.engine import read_session
from db.tables import Arrival, File
from tests.faults.system import System
from tests.faults.trials import Trials, commented
from worker.limits import FILE_S

pytestmark = pytest.mark.usefixtures("full_form")

_LEAVES_ALONE = 3
# Loading the network in a child that replaces a dead one; some seconds, on a loaded machine more.
_CHILD_STARTS_S = 15


@pytest.mark.parametrize(
    ("death", "told"), [("segfault", "SIGSEGV"), ("out of memory", "SIGKILL"), ("hang", "SIGALRM")]
)
def test_only_the_file_that_takes_the_decoder_down_is_quarantined(
    system: System, trials: Trials, death: str, told: str
) -> None:
    within = _LEAVES_ALONE * (FILE_S + _CHILD_STARTS_S) + 60
    shared = 0
    for trial in trials.of(f"a file that ends its decoder: {death}", system, within_s=within):
        poison = f"{death}-{trial.number}/poison.png"
        neighbours = drop_in_one_folder(system, trials, poison, f"<{death}>".encode())
        trial.over()
        system.wait_for(poison, *neighbours, seconds=within)
        reason = system.rows()[poison].reason
        assert "did not come back from this file 3 times" in reason
        shared += max(attempts_of(system, name) for name in neighbours) > 1
    assert shared, "no neighbour was in a chunk that its worker did not come back from"
    log = (system.home.logs / "worker.log").read_text()
    assert re.search(rf"exited with .signal \d+ \({told}\)", log)
    assert f"{death}-" not in log, "no file is named"


def drop_in_one_folder(system: System, trials: Trials, poison: str, mark: bytes) -> list[str]:
    """Move a folder of sixteen files into the inbox, so that they come at once; names of the good ones."""
    folder = system.home.root / "prepared"
    folder.mkdir()
    names = []
    for number in range(16):
        content, name = trials.files.new()
        name = f"{Path(poison).parent}/{name}"
        if number == 7:
            content, name = commented(content, mark), poison
        else:
            names.append(name)
        system.expect(content, name, state="quarantined" if name == poison else "classified")
        (folder / Path(name).name).write_bytes(content)
    folder.rename(system.home.inbox / Path(poison).parent)
    return names


def attempts_of(system: System, name: str) -> int:
    with read_session(system.engine) as session:
        files = select(File.attempts).join(Arrival, Arrival.file_id == File.id)
        return session.scalars(files.where(Arrival.source_name == name)).one()


def test_a_file_that_fills_the_memory_is_rejected_and_its_process_lives(
    system: System, trials: Trials
) -> None:
    children = {child.pid for child in system.children("worker")}
    for trial in trials.of("a file that fills the memory", system, within_s=30):
        trial.drop(3)
        content, _ = trials.files.new()
        system.drop(commented(content, b"<fill memory>"), f"memory-{trial.number}.png", state="rejected")
        trial.drop(3)
    assert {child.pid for child in system.children("worker")} == children


def test_a_chunk_of_slow_files_is_done_one_by_one(system: System, trials: Trials) -> None:
    """Sixteen files of 3 s are no chunk of 20 s; none is at fault."""
    for trial in trials.of("a chunk of slow files", system, within_s=180, full=1):
        for number in range(16):
            content, _ = trials.files.new()
            system.drop(
                commented(content, b"<slow>"), f"slow-{trial.number}-{number}.png", state="classified"
            )
