"""A copy of the database as it is at one moment, while others go on writing."""

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

from sqlalchemy import Engine

from core.errors import BackupFailed
from db.engine import check_reachable

SQLITE_COPY, POSTGRESQL_COPY = "headct.db", "headct.dump"


def copy_database(engine: Engine, folder: Path) -> Path:
    """Copy the database into that folder; returns the copy: an SQLite database, or a dump for pg_restore.

    What an earlier copy left there is replaced once the new one is whole.

    Raises
    ------
    DatabaseUnreachable, BackupFailed
    """
    check_reachable(engine)
    sqlite = engine.dialect.name == "sqlite"
    copy = folder / (SQLITE_COPY if sqlite else POSTGRESQL_COPY)
    half = copy.with_suffix(".part")
    half.unlink(missing_ok=True)
    (_copy_sqlite if sqlite else _dump_postgresql)(engine, half)
    for journal in ("-wal", "-shm"):  # of a copy that was opened: not of the new one
        copy.with_name(copy.name + journal).unlink(missing_ok=True)
    half.replace(copy)
    return copy


def _copy_sqlite(engine: Engine, target: Path) -> None:
    source, copied = engine.raw_connection(), sqlite3.connect(target)
    try:
        source.driver_connection.backup(copied)  # type: ignore[union-attr]  # in one step: of one moment
    finally:
        copied.close()
        source.close()


def _dump_postgresql(engine: Engine, target: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise BackupFailed(
            "There is no pg_dump. Install PostgreSQL's client programs, of the server's version."
        )
    url = engine.url.set(drivername="postgresql")
    # By the environment, since the arguments of a process are visible to every user.
    environment = os.environ | {"PGPASSWORD": str(url.password or "")}
    dumped = subprocess.run(  # noqa: S603 - the name of the database comes from the settings
        [program, "--format=custom", f"--file={target}", f"--dbname={url._replace(password=None)}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if dumped.returncode:
        raise BackupFailed(f"pg_dump failed: {dumped.stderr.strip()}")
