"""Brings a database to the migration of this code."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

from core.errors import DatabaseNotMigrated
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
        config = alembic_config()
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def alembic_config() -> Config:
    """Alembic's configuration for the scripts in db/migrations."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
