"""A home that release 0.1 made (tests/fixtures/home-0.1.md), and what that release said of its files."""

import json
import shutil
from pathlib import Path
from typing import Any

from core.home import Home

_FIXTURES = Path(__file__).parent / "fixtures"
DATABASE = _FIXTURES / "home-0.1" / "headct.db"
SAID: dict[str, Any] = json.loads((_FIXTURES / "home-0.1.json").read_text(encoding="utf-8"))
VERSION: str = SAID["in_use"]
"""Trained there, and in use; with preprocessing 2, and without a serving graph."""


def copy_home(folder: Path) -> Home:
    """A copy of the home, private as headct wants it."""
    home = Home(folder)
    shutil.copytree(_FIXTURES / "home-0.1", home.root)
    for path in (home.root, *home.root.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    home.make()
    return home


def logits_and_distances(home: Home) -> list[tuple[bytes, float, float]]:
    """Of each file that release 0.1 classified with `VERSION`: its bytes, the log-odds and the distance."""
    return [
        (home.bytes_path(scan["sha256"]).read_bytes(), one["logit"], one["distance"])
        for scan in SAID["scans"]
        for one in scan["predictions"]
        if one["model_version"] == VERSION
    ]
