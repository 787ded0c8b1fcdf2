import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from core.errors import DatabaseNotMigrated, DatabaseTooNew
from db.migrate import alembic_config, migrate
from db.results import RESULT_COLUMNS
from db.revision import REVISIONS, check_migrated, current_revision
from db.tables import Table


def test_migrations_make_exactly_the_tables(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    migrate(engine)
    assert current_revision(engine) == REVISIONS[-1]


def test_the_view_results_has_the_columns_of_its_contract(engine: Engine) -> None:
    assert tuple(column["name"] for column in inspect(engine).get_columns("results")) == RESULT_COLUMNS


def test_an_empty_database_is_told_to_be_migrated(empty_engine: Engine) -> None:
    with pytest.raises(DatabaseNotMigrated, match="headct migrate"):
        check_migrated(empty_engine)


def test_a_newer_database_is_refused_and_left_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseTooNew, match=r"9999.*newer"):
        migrate(engine)
    assert current_revision(engine) == "9999"


def test_every_migration_is_listed() -> None:
    scripts = ScriptDirectory.from_config(alembic_config()).walk_revisions()
    assert tuple(script.revision for script in scripts)[::-1] == REVISIONS
