"""Brings a database to the migration of this code."""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

from core.errors import DatabaseError, DatabaseNotMigrated
from db.revision import check_migrated

# Any constant will do: it keeps two migrations of one PostgreSQL database apart.
_ADVISORY_LOCK = 0x68656164


def migrate(engine: Engine) -> None:
    """Upgrade to the newest migration, in one transaction; harmless where there is nothing to do.

    Raises
    ------
    DatabaseUnreachable, DatabaseTooNew
    """
    try:
        check_migrated(engine)
    except DatabaseNotMigrated:
        move(engine, command.upgrade, "head")


def move(engine: Engine, step: Callable[[Config, str], None], revision: str) -> None:
    """Go to a migration by Alembic's `upgrade` or `downgrade`, in one transaction.

    Raises
    ------
    DatabaseError
        A row refers to one that is not there. Nothing was changed.
    """
    config = alembic_config()
    is_sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        if is_sqlite:  # makes a table anew, and would drop what refers to the old one
            _on_sqlite(connection, "PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                if not is_sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
                config.attributes["connection"] = connection
                step(config, revision)
                if is_sqlite and connection.execute(text("PRAGMA foreign_key_check")).first():
                    raise DatabaseError(
                        "The database has rows that refer to rows that are gone, so it is not migrated. "
                        "Bring it back from a backup."
                    )
        finally:
            if is_sqlite:
                _on_sqlite(connection, "PRAGMA foreign_keys=ON")


def _on_sqlite(connection: Connection, pragma: str) -> None:
    """Outside a transaction, within which this pragma does nothing."""
    connection.connection.driver_connection.execute(pragma)  # type: ignore[union-attr]  # it is connected


def alembic_config() -> Config:
    """Alembic's configuration for the scripts in db/migrations."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
