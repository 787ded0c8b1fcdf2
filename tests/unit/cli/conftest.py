"""What tests of single commands share."""

import logging
import os
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from core.home import Home


@pytest.fixture
def home_in_use(home: Home, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A migrated home, named by the environment as for the command; what that sets is undone."""
    monkeypatch.setenv("HEADCT_HOME", str(home.root))
    mask, handlers, level = os.umask(0o022), logging.root.handlers[:], logging.root.level
    yield home
    os.umask(mask)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
