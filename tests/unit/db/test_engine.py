import multiprocessing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.errors import DatabaseUnreachable, SettingsError
from core.home import Home
from core.secret import Secret
from core.settings import Settings
from db.engine import UNAVAILABLE, check_reachable, database_url, make_engine


def _increment(url: str, times: int) -> None:
    engine = make_engine(url)
    for _ in range(times):
        with Session(engine) as session, session.begin():
            value = session.scalar(text("SELECT value FROM counter"))
            session.execute(text("UPDATE counter SET value = :value"), {"value": (value or 0) + 1})


def test_sqlite_loses_no_update_between_processes(sqlite_url: str) -> None:
    engine = make_engine(sqlite_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE counter (value INTEGER)"))
        connection.execute(text("INSERT INTO counter VALUES (0)"))
    engine.dispose()
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_increment, args=(sqlite_url, 50)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT value FROM counter")) == 150


def test_sqlite_is_durable_and_keeps_foreign_keys(sqlite_url: str) -> None:
    with make_engine(sqlite_url).connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA synchronous")) == 2
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1


def test_an_unreachable_database_is_told_without_its_password() -> None:
    with pytest.raises(DatabaseUnreachable, match="HEADCT_DATABASE_URL") as caught:
        check_reachable(make_engine("postgresql+psycopg://user:hunter2@127.0.0.1:1/headct"))
    assert "hunter2" not in str(caught.value)


def test_an_unreadable_url_is_told(home: Home) -> None:
    with pytest.raises(SettingsError, match="HEADCT_DATABASE_URL cannot be read"):
        database_url(Settings(database_url=Secret("postgresql://user:pass@host:port/name")), home)


@pytest.mark.parametrize("parameter", ["password", "sslpassword"])
def test_a_password_where_it_would_be_shown_is_refused(home: Home, parameter: str) -> None:
    url = f"postgresql://user@host/name?connect_timeout=3&{parameter}=hunter2"
    with pytest.raises(SettingsError, match="behind its question mark") as caught:
        database_url(Settings(database_url=Secret(url)), home)
    assert "hunter2" not in str(caught.value)


def test_an_at_sign_in_a_password_shows_no_part_of_it(home: Home) -> None:
    with pytest.raises(SettingsError, match="%40") as caught:
        database_url(Settings(database_url=Secret("postgresql://user:hun@ter2@host/name")), home)
    assert "ter2" not in str(caught.value)


def test_a_server_that_is_gone_without_a_word_is_noticed(postgresql: str) -> None:
    """As libpq has it: the kernel asks after 10 s, and gives up what was sent after 25."""
    with make_engine(postgresql).connect() as connection:
        options = connection.connection.driver_connection.info.get_parameters()
    assert (options["keepalives_idle"], options["tcp_user_timeout"]) == ("10", "25000")


def test_a_database_that_is_read_only_for_a_while_counts_as_unavailable(postgresql: str) -> None:
    """As a standby after a failover, or a provider's server on a full disk."""
    with make_engine(postgresql).connect() as connection:
        connection.execute(text("SET TRANSACTION READ ONLY"))
        with pytest.raises(UNAVAILABLE, match="read-only"):
            connection.execute(text("CREATE TABLE refused (id INTEGER)"))


def test_a_home_whose_name_has_the_marks_of_a_url_holds_its_database(tmp_path: Path) -> None:
    home = Home(tmp_path / "what?%41#")
    home.make()
    with make_engine(database_url(Settings(home=home.root), home)).begin() as connection:
        connection.execute(text("CREATE TABLE here (id INTEGER)"))
    assert home.database.exists()
