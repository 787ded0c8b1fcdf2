# ruff: noqa: S608 - the names of tables and columns are those of headct
"""The roles of docs/reader-roles.postgresql.sql read what they may and write nothing, on a real server."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError

from db.migrate import migrate
from db.results import RESULT_COLUMNS
from db.tables import Table

DOCS = Path(__file__).parents[3] / "docs"
READER, STATISTICS = "headct_reader", "headct_statistics"
REFUSED = re.compile("permission denied|must be owner|cannot (delete from|insert into|update) view")
LEADS_TO_A_PATIENT = {"source_name", "sha256"}
TABLES = [table.name for table in Table.metadata.sorted_tables]


@pytest.fixture(scope="module")
def granted(postgresql: str) -> Iterator[Engine]:
    """A migrated database of its own, to which the file was applied, twice."""
    url = make_url(postgresql).set(database="roles")
    server = create_engine(postgresql, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE roles")
    engine = create_engine(url)
    migrate(engine)
    for _ in range(2):
        with engine.begin() as connection:
            # By the driver itself, as psql would: SQLAlchemy would take the % for a parameter.
            connection.connection.cursor().execute((DOCS / "reader-roles.postgresql.sql").read_text())
    yield engine
    engine.dispose()
    with server.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE roles WITH (FORCE)")
    server.dispose()


def may(engine: Engine, role: str, statement: str) -> bool:
    """Whether the role may do that; nothing is kept."""
    with engine.connect() as connection:
        connection.exec_driver_sql(f"SET ROLE {role}")
        try:
            connection.exec_driver_sql(statement)
        except DBAPIError as error:
            if not REFUSED.search(str(error)):
                raise
            return False
        finally:
            connection.rollback()
    return True


def test_a_reader_reads_the_views_and_no_table(granted: Engine) -> None:
    assert may(granted, READER, "SELECT * FROM results")
    assert may(granted, READER, "SELECT * FROM agreement")
    for table in TABLES:
        assert not may(granted, READER, f"SELECT 1 FROM {table}"), table


def test_without_names_everything_but_names_is_read(granted: Engine) -> None:
    for column in RESULT_COLUMNS:
        allowed = may(granted, STATISTICS, f"SELECT {column} FROM results")
        assert allowed == (column not in LEADS_TO_A_PATIENT), column
    assert not may(granted, STATISTICS, "SELECT * FROM results")
    assert not may(granted, STATISTICS, "SELECT count(*) FROM results WHERE source_name LIKE 'Doe%%'")
    assert may(granted, STATISTICS, "SELECT * FROM agreement")
    for table in TABLES:
        assert not may(granted, STATISTICS, f"SELECT 1 FROM {table}"), table


@pytest.mark.parametrize("role", [READER, STATISTICS])
def test_neither_writes_anything(granted: Engine, role: str) -> None:
    for name in (*TABLES, "alembic_version", "results", "agreement"):
        for statement in (f"DELETE FROM {name}", f"INSERT INTO {name} DEFAULT VALUES"):
            assert not may(granted, role, statement), statement
    for statement in (
        "UPDATE results SET label = 'normal'",
        "UPDATE file SET state = 'received'",
        "TRUNCATE file CASCADE",
        "DROP VIEW agreement",
        "ALTER TABLE file ADD COLUMN x INTEGER",
        "CREATE TABLE x (id INTEGER)",
        "CREATE TEMPORARY TABLE x (id INTEGER)",
        "CREATE SCHEMA x",
        "CREATE ROLE x",
        "COPY results TO '/tmp/x'",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('/etc/passwd')",
    ):
        assert not may(granted, role, statement), statement


def test_the_documents_say_which_ready_queries_a_role_can_run(granted: Engine) -> None:
    said = (DOCS / "database.md").read_text()
    for role in (READER, STATISTICS):
        able = {
            file.name[:2]
            for file in (DOCS / "queries").glob("*.sql")
            if ".sqlite" not in file.name and may(granted, role, file.read_text())
        }
        assert re.search(rf"`{role}` \| .* \| {', '.join(sorted(able))} \|", said), (role, sorted(able))
