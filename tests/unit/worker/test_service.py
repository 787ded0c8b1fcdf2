"""What a process of the training worker begins with."""

import multiprocessing
import os
import tempfile
from pathlib import Path

from core.home import Home
from worker.service import take_temporary_folder


def test_what_a_training_process_leaves_in_its_temporary_folder_is_gone_with_the_next(home: Home) -> None:
    left = _in_child(home)
    assert left.parent.parent == home.run
    assert left.exists()
    assert left.parent.stat().st_mode & 0o077 == 0
    again = _in_child(home)
    assert (left.exists(), again.exists()) == (False, True)


def _in_child(home: Home) -> Path:
    """The file that a process leaves, which ends as one of Celery's pool does: without exit handlers."""
    ours, theirs = multiprocessing.Pipe()

    def work() -> None:
        os.umask(0o077)  # as every part
        take_temporary_folder(home)
        with tempfile.NamedTemporaryFile(delete=False) as file:
            theirs.send(file.name)
        os._exit(0)

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    left = Path(ours.recv())
    process.join(20)
    assert process.exitcode == 0
    return left
