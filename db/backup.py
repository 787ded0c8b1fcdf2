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
# Size and modification time of the copy: headct was not started on it as long as it has them.
_MARK = ".backup"


def copy_database(engine: Engine, folder: Path) -> Path:
    """Copy the database into that folder; returns the copy: an SQLite database, or a dump for pg_restore.

    What an earlier copy left there is replaced once the new one is whole, but no database that headct was
    used on since.

    Raises
    ------
    DatabaseUnreachable, BackupFailed
    """
    check_reachable(engine)
    sqlite = engine.dialect.name == "sqlite"
    copy = folder / (SQLITE_COPY if sqlite else POSTGRESQL_COPY)
    mark, wal = folder / _MARK, copy.with_name(f"{copy.name}-wal")
    signs = _signs(copy)
    if signs and (signs not in _signs_of_backups(mark) or (wal.exists() and wal.stat().st_size)):
        raise BackupFailed(
            f"{copy} is not as the last backup left it: headct was used in that folder, and what it recorded "
            "there would be lost. Name another folder."
        )
    half = copy.with_suffix(".part")
    try:
        half.unlink(missing_ok=True)
        (_copy_sqlite if sqlite else _dump_postgresql)(engine, half)
        for journal in ("-wal", "-shm"):  # of a copy that was opened: not of the new one
            copy.with_name(copy.name + journal).unlink(missing_ok=True)
        mark.write_text(f"{signs}\n{_signs(half)}\n")  # either may stand there if this ends now
        half.replace(copy)
    except (OSError, sqlite3.Error) as error:
        raise BackupFailed(
            f"The database cannot be copied to {folder}: {error}. Make room or mend it."
        ) from error
    return copy


def _signs(path: Path) -> str:
    """What tells that a file was not written since; nothing if there is none."""
    if not path.exists():
        return ""
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}"


def _signs_of_backups(mark: Path) -> list[str]:
    return mark.read_text().splitlines() if mark.exists() else []


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
        [
            program,
            *("--format=custom", "--no-privileges", f"--file={target}"),
            f"--dbname={url._replace(password=None)}",
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if dumped.returncode:
        raise BackupFailed(f"pg_dump failed: {dumped.stderr.strip()}")
