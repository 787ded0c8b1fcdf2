"""One running system for the tests that need no other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.home import Home
from tests.faults.system import System, running_system


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One system for all tests of a module."""
    home = Home(tmp_path_factory.mktemp("system") / "home")
    home.make()
    with running_system(home, HEADCT_WORKER_PROCESSES="2") as running:
        yield running


@pytest.fixture(scope="session")
def scan_bytes(synthetic_scans: Path) -> bytes:
    """One good scan."""
    return next(iter(sorted((synthetic_scans / "images").iterdir()))).read_bytes()
