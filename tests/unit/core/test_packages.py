import importlib
from pathlib import Path

import pytest


@pytest.mark.parametrize("name", ["cli", "core", "db", "models", "scheduler", "training", "worker"])
def test_each_package_is_this_repositorys_own(name: str) -> None:
    """A package of the same name elsewhere on the path would win silently."""
    found = importlib.import_module(name).__file__
    assert found is not None
    assert Path(found).parents[1] == Path(__file__).parents[3]
