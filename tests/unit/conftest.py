"""What tests of single commands share."""

import pytest
from sqlalchemy import Engine

from core.home import Home


@pytest.fixture
def home_in_use(
    home: Home, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch, process_kept: None
) -> Home:
    """A migrated home, named by the environment as for the command."""
    monkeypatch.setenv("HEADCT_HOME", str(home.root))
    return home
