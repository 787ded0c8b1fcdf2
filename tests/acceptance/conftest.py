"""One running system for the tests that need no other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.home import Home
from tests.faults.system import System, running_system
from tests.other_programs import other_programs

HEARTBEAT_S = 2.0


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One system, whose heart beats fast, for all tests of the folder that need no other.

    Its home has a name that trips parsers, and the machine is full of what other programs are told.
    """
    home = Home(tmp_path_factory.mktemp("system") / """é%d ;b #c"q" 's[x]?y&%20$H""")
    home.make()
    outside = other_programs(home.root, tmp_path_factory.mktemp("user"))
    with running_system(
        home, **outside, HEADCT_WORKER_PROCESSES="2", HEADCT_HEARTBEAT_SECONDS=str(HEARTBEAT_S)
    ) as running:
        yield running


@pytest.fixture(scope="session")
def image_bytes(synthetic_images: Path) -> bytes:
    """One good file."""
    return next(iter(sorted((synthetic_images / "images").iterdir()))).read_bytes()
