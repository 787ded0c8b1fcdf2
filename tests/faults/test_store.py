"""The disk of the store is away: no file is judged, and nothing is written below its mount point."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.home import Home
from tests.faults.system import running_system
from tests.faults.trials import Trials
from tests.processes import run_headct, wait_until

_BACK_S = 60


def mount(disk: Path, folder: Path) -> None:
    subprocess.run([str(shutil.which("mount")), "--bind", str(disk), str(folder)], check=True)


def unmount(folder: Path) -> None:
    """At once, whoever has a file of it open."""
    subprocess.run([str(shutil.which("umount")), "-l", str(folder)], check=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home whose store is a mount of its own."""
    if os.getuid() != 0:
        pytest.skip("only root can mount a store; CI runs as root")
    home, disk = Home(tmp_path / "home"), tmp_path / "disk"
    home.make()
    disk.mkdir(mode=0o700)
    mount(disk, home.store)
    yield home
    with contextlib.suppress(subprocess.CalledProcessError):
        unmount(home.store)


@pytest.mark.usefixtures("full_form")
def test_the_stores_disk_is_away(home: Home, tmp_path: Path, trials: Trials) -> None:
    """For as long as it likes: no attempt is counted."""
    with running_system(home) as system:
        for trial in trials.of("the store's disk is away", system, within_s=_BACK_S):
            trial.drop(8)
            if trial.number == 0:
                wait_until(system.is_settled, what="the store holds something")
            with trial.arriving(per_second=10):
                trial.pause(2)
                unmount(home.store)
                wait_until(home.intake_paused.exists, what="the intake pauses")
                said = run_headct(home, "status").stdout
                assert "mount its disk" in " ".join(said.split())
                trial.pause(20)
                assert not list(home.store.iterdir())
                mount(tmp_path / "disk", home.store)
            trial.over()
