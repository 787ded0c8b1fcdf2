"""Brings a database to the migration of this code, and tells whether it is there."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from core.errors import DatabaseNotMigrated, DatabaseTooNew
from db.engine import check_reachable

# Any constant will do: it keeps two migrations of one PostgreSQL database apart.
_ADVISORY_LOCK = 0x68656164


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def head_revision() -> str:
    """The newest migration that this code knows."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def current_revision(engine: Engine) -> str | None:
    """The database's migration; None for an empty database."""
    with engine.execution_options(read_only=True).connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def check_migrated(engine: Engine) -> None:
    """Raise unless the database stands at this code's migration.

    Raises
    ------
    DatabaseUnreachable, DatabaseNotMigrated, DatabaseTooNew
    """
    check_reachable(engine)
    current, scripts = current_revision(engine), ScriptDirectory.from_config(_config())
    if current == scripts.get_current_head():
        return
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise DatabaseTooNew(
            f"The database is at migration {current}, which this headct does not know: a newer one made it. "
            "Install that version, or restore the backup that was taken before it was upgraded."
        )
    raise DatabaseNotMigrated(
        f"The database is at migration {current or 'none'}, this headct needs {scripts.get_current_head()}. "
        "Run `headct migrate`."
    )


def migrate(engine: Engine) -> None:
    """Upgrade to the newest migration, in one transaction; harmless where there is nothing to do.

    Raises
    ------
    DatabaseUnreachable, DatabaseTooNew
    """
    try:
        check_migrated(engine)
    except DatabaseNotMigrated:
        config = _config()
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
