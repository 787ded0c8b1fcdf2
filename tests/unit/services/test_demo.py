"""What the demo counts, and which truth it believes."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import DatasetError
from core.home import Home
from db.arrivals import NewArrival, record_arrivals
from db.lifecycle import ModelStamp, Outcome
from services.demo import _finished, _truth
from tests.finished import finish_files


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """Stands for the running system."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as running:
        yield running
        running.kill()


def test_two_files_of_the_same_bytes_are_two_that_are_finished(
    sqlite_engine: Engine, home: Home, process: subprocess.Popen[bytes]
) -> None:
    with Session(sqlite_engine) as session, session.begin():
        for name in ("a.png", "b.png"):
            (file_id,) = record_arrivals(session, [NewArrival("a" * 64, 1, name, None)]).values()
        finish_files(session, [Outcome(file_id, 0.1, "normal")], ModelStamp("v1", "f" * 64, "p", 0.5))
    assert list(_finished(sqlite_engine, home, process, 2)) == [2]


def test_the_truth_is_that_of_the_folders_table(tmp_path: Path) -> None:
    labels, files = tmp_path / "labels.csv", [tmp_path / "x" / name for name in ("1.png", "2.png")]
    assert _truth(tmp_path, files) == {}
    labels.write_text("filename;label\r\nX\\1.PNG;Normal\r\n")
    assert _truth(tmp_path, files) == {"x/1.png": "normal"}
    labels.write_text("id,hemorrhage\n1,0\n2,1\n")
    assert _truth(tmp_path, files) == {"x/1.png": "normal", "x/2.png": "hemorrhage"}
    labels.write_text("filename,verdict\n1.png,normal\n")
    with pytest.raises(DatasetError, match="lacks the column label"):
        _truth(tmp_path, files)
