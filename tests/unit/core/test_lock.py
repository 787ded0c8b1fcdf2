import os
from pathlib import Path

import pytest

from core.errors import AlreadyRunning, SettingsError
from core.lock import acquire


def test_who_comes_second_is_told_who_was_first(tmp_path: Path) -> None:
    path = tmp_path / "run" / "part.lock"
    path.parent.mkdir()
    first = acquire(path, "A part")
    with pytest.raises(AlreadyRunning, match=rf"A part already runs on {tmp_path} \(process {os.getpid()}\)"):
        acquire(path, "A part")
    os.close(first)
    os.close(acquire(path, "A part"))


def test_a_file_system_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise OSError(37, "No locks available")

    # No file system of these tests fails so.
    monkeypatch.setattr("core.lock.fcntl.flock", refuse)
    with pytest.raises(SettingsError, match="HEADCT_HOME on a file system that knows locks"):
        acquire(tmp_path / "part.lock", "A part")
