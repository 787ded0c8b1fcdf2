"""One running system for the tests that need no other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.home import Home
from tests.faults.system import System, running_system

HEARTBEAT_S = 2.0


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One system, whose heart beats fast, for all tests of the folder that need no other."""
    home = Home(tmp_path_factory.mktemp("system") / "home")
    home.make()
    with running_system(
        home, HEADCT_WORKER_PROCESSES="2", HEADCT_HEARTBEAT_SECONDS=str(HEARTBEAT_S)
    ) as running:
        yield running


@pytest.fixture(scope="session")
def scan_bytes(synthetic_scans: Path) -> bytes:
    """One good scan."""
    return next(iter(sorted((synthetic_scans / "images").iterdir()))).read_bytes()
