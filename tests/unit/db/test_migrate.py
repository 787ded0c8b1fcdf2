from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, create_engine, delete, inspect, text
from sqlalchemy.orm import Session

from core.errors import DatabaseNotMigrated, DatabaseTooNew
from db.migrate import alembic_config, migrate
from db.promotions import record_shipped
from db.results import RESULT_COLUMNS
from db.revision import REVISIONS, check_migrated, current_revision
from db.tables import Promotion, Table
from tests.release_0_1 import DATABASE, VERSION

SHIPPED_0_1 = "default-2"


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


def rows_of(engine: Engine, query: str) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(text(query)).mappings()]


def fill_as_release_0_1(engine: Engine) -> None:
    """Bring an empty database to that release's migration, with all that its fixture holds."""
    tables = MetaData()
    old = create_engine(f"sqlite:///{DATABASE}")
    tables.reflect(old)
    step(engine, command.upgrade, "0004")
    with old.connect() as source, engine.begin() as target:
        for table in tables.sorted_tables:
            if table.name != "alembic_version" and (found := source.execute(table.select()).mappings().all()):
                target.execute(table.insert(), [{name: _aware(row[name]) for name in row} for row in found])


def _aware(value: object) -> object:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def test_a_database_of_release_0_1_keeps_all_that_it_says(empty_engine: Engine) -> None:
    fill_as_release_0_1(empty_engine)
    kept = "SELECT {} FROM results ORDER BY scan_id"
    before = rows_of(empty_engine, kept.format("*"))
    agreement = rows_of(empty_engine, "SELECT * FROM agreement")
    assert {row["state"] for row in before} == {"classified", "rejected"}
    migrate(empty_engine)
    assert rows_of(empty_engine, kept.format(", ".join(before[0]))) == before
    assert rows_of(empty_engine, "SELECT * FROM agreement") == agreement
    assert {row["reason_code"] for row in rows_of(empty_engine, kept.format("*"))} == {None}


def test_the_way_down_and_up_again_keeps_all_rows(empty_engine: Engine) -> None:
    fill_as_release_0_1(empty_engine)
    migrate(empty_engine)
    newest = "SELECT * FROM results ORDER BY scan_id"
    by_newest = rows_of(empty_engine, newest)
    with Session(empty_engine) as session, session.begin():
        record_shipped(session, SHIPPED_0_1)
        session.execute(delete(Promotion))
    by_use = rows_of(empty_engine, newest)
    versions = {row["scan_id"]: row["model_version"] for row in by_use if row["model_version"]}
    both = [scan_id for scan_id, version in versions.items() if version == SHIPPED_0_1]
    assert both, "these have a result of the version that is in use, and a newer one"
    assert {row["model_version"] for row in by_newest} == {VERSION, None}

    step(empty_engine, command.downgrade, "0004")
    after = rows_of(empty_engine, newest)
    assert after == [{name: row[name] for name in after[0]} for row in by_newest]
    assert not inspect(empty_engine).has_table("shipped_model")
    migrate(empty_engine)
    with Session(empty_engine) as session, session.begin():
        record_shipped(session, SHIPPED_0_1)
    assert rows_of(empty_engine, newest) == by_use
    with empty_engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []


def test_a_result_without_a_probability_is_a_rejection_on_the_way_down(empty_engine: Engine) -> None:
    fill_as_release_0_1(empty_engine)
    migrate(empty_engine)
    said = "Nobody found a head in it."
    with empty_engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE prediction SET probability = NULL, label = 'uncertain', label_reason = :said "
                "WHERE scan_id = 1"
            ),
            {"said": said},
        )
    step(empty_engine, command.downgrade, "0004")
    (row,) = rows_of(empty_engine, "SELECT state, reason, label FROM results WHERE scan_id = 1")
    assert (row["state"], row["reason"], row["label"]) == ("rejected", said, None)


def step(engine: Engine, move: Callable[[Config, str], None], revision: str) -> None:
    config = alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        move(config, revision)
