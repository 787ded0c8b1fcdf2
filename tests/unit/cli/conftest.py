"""What tests of single commands share."""

import logging
import os
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from core.home import Home


@pytest.fixture
def process_kept() -> Iterator[None]:
    """What a command sets for its own process is undone."""
    mask, handlers, level = os.umask(0o022), logging.root.handlers[:], logging.root.level
    yield
    os.umask(mask)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


@pytest.fixture
def home_in_use(
    home: Home, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch, process_kept: None
) -> Home:
    """A migrated home, named by the environment as for the command."""
    monkeypatch.setenv("HEADCT_HOME", str(home.root))
    return home
