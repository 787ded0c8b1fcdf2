"""Engines for SQLite and PostgreSQL. Created after a fork, one per process."""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import URL, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, InternalError, OperationalError

from core.errors import DatabaseUnreachable, SettingsError
from core.home import Home
from core.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_Id = TypeVar("_Id", int, str)

UNAVAILABLE = (OperationalError, InterfaceError, InternalError)
"""What a database that cannot be used now, but may be later, raises. `InternalError` of PostgreSQL: it is
read-only for a while, or ended a transaction by a timeout (SQLSTATE classes 25 and 57)."""

# A writer waits this long for another one's lock before it fails: a task does so twice, and is to fail, not
# to be killed at its time limit (`CLASSIFY_TIME_LIMIT_S`).
_BUSY_TIMEOUT_MS = 10_000
# A server that is gone without a word is noticed within half a minute, not after the two hours of Linux
# (libpq, "Parameter Key Words": seconds, but for the last, which is in ms).
_LIMITS = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
# Ids in one statement; SQLite takes 32,766 parameters, PostgreSQL 65,535.
MAX_IDS = 8192


def database_url(settings: Settings, home: Home) -> URL:
    """The configured database (with the psycopg driver), or SQLite in the home.

    Raises
    ------
    SettingsError
    """
    if settings.database_url is None:
        return URL.create("sqlite", database=str(home.database))
    configured = settings.database_url.get_secret_value()
    try:
        url = make_url(configured.replace("postgresql://", "postgresql+psycopg://", 1))
    except (ArgumentError, ValueError) as error:
        raise SettingsError(
            "HEADCT_DATABASE_URL cannot be read. Write sqlite:///FILE or "
            "postgresql://USER:PASSWORD@HOST/NAME; escape special characters of the password as %XX."
        ) from error
    if {"password", "sslpassword"} & url.query.keys():
        raise SettingsError(
            "HEADCT_DATABASE_URL has a password behind its question mark, where messages and processes "
            "would show it. Write postgresql://USER:PASSWORD@HOST/NAME."
        )
    if "@" in (url.host or ""):
        # What stands before the last @ would be shown as part of the host.
        raise SettingsError("HEADCT_DATABASE_URL has an @ in its password. Write it as %40.")
    return url


def make_engine(url: URL | str, *, durable: bool = True) -> Engine:
    """An engine whose SQLite connections are safe between processes.

    SQLAlchemy's defaults for SQLite lose updates silently: pysqlite begins no transaction before a
    SELECT, so that two processes read, then both write. Here every transaction begins IMMEDIATE unless
    the connection is read-only, in WAL mode and with full synchronisation.

    Without `durable`, a power failure may undo the newest commits of SQLite (never part of one): right for
    whoever writes only what the leases bring about again, wrong for who removes a file from the inbox.

    Errors never show the values of a statement: file names are among them, and errors are logged.
    """
    url = make_url(url)
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=_LIMITS)
    synchronous = "PRAGMA synchronous=FULL" if durable else "PRAGMA synchronous=NORMAL"
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": _BUSY_TIMEOUT_MS / 1000})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - a DBAPI connection
        connection.isolation_level = None  # SQLAlchemy's BEGIN below counts, not the driver's
        for pragma in ("PRAGMA journal_mode=WAL", synchronous, "PRAGMA foreign_keys=ON"):
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:  # noqa: ANN401 - an SQLAlchemy Connection
        read_only = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


@contextlib.contextmanager
def read_session(engine: Engine) -> Iterator["Session"]:
    """A session for SELECTs only: it never waits for a writer."""
    from sqlalchemy.orm import Session  # noqa: PLC0415 - `headct results` does without

    with Session(engine.execution_options(read_only=True)) as session:
        yield session


def in_one_line(error: DBAPIError) -> str:
    """What the database said, which PostgreSQL does in several lines."""
    return " ".join(str(error.orig).split())


def check_reachable(engine: Engine) -> None:
    """Connect once.

    Raises
    ------
    DatabaseUnreachable
        Says which database, and what to check.
    """
    try:
        with engine.execution_options(read_only=True).connect() as connection:
            connection.execute(text("SELECT 1"))
    except OperationalError as error:
        shown = engine.url.render_as_string(hide_password=True)
        raise DatabaseUnreachable(
            f"The database {shown} cannot be reached: {in_one_line(error)}. "
            "Check that it runs and that HEADCT_DATABASE_URL is right."
        ) from error


def batches(ids: Sequence[_Id]) -> Iterator[Sequence[_Id]]:
    """Slices of a list of ids, or hashes, that fit into one statement."""
    for start in range(0, len(ids), MAX_IDS):
        yield ids[start : start + MAX_IDS]


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)
