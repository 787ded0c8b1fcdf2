"""Which migration a database stands at, told without Alembic, whose import is slow."""

from sqlalchemy import Engine, inspect, text

from core.errors import DatabaseNotMigrated, DatabaseTooNew
from db.engine import check_reachable

# Every migration of this code, oldest first; a test holds it to db/migrations/versions.
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")


def current_revision(engine: Engine) -> str | None:
    """The database's migration; None for an empty database."""
    with engine.execution_options(read_only=True).connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return revision


def check_migrated(engine: Engine) -> None:
    """Raise unless the database stands at this code's migration.

    Raises
    ------
    DatabaseUnreachable, DatabaseNotMigrated, DatabaseTooNew
    """
    check_reachable(engine)
    current = current_revision(engine)
    if current == REVISIONS[-1]:
        return
    if current is not None and current not in REVISIONS:
        raise DatabaseTooNew(
            f"The database is at migration {current}, which this headct does not know: a newer one made it. "
            "Install that version, or restore the backup that was taken before it was upgraded."
        )
    raise DatabaseNotMigrated(
        f"The database is at migration {current or 'none'}, this headct needs {REVISIONS[-1]}."
    )
