from pathlib import Path

import pytest
from sqlalchemy import Engine

from cli import checks
from cli.checks import run_checks
from cli.context import Context
from core.home import Home
from core.settings import Settings


@pytest.fixture
def context(settings: Settings, home: Home, sqlite_engine: Engine) -> Context:
    return Context(settings, home, sqlite_engine)


def problems(context: Context) -> dict[str, str]:
    return {name: problem for name, problem in run_checks(context) if problem and name != "broker"}


def test_a_fresh_home_is_well(context: Context) -> None:
    assert problems(context) == {}


def test_a_broker_that_does_not_answer_is_told(context: Context) -> None:
    assert "HEADCT_BROKER_URL" in str(dict(run_checks(context))["broker"])


def test_unreadable_files_in_the_inbox_are_named(context: Context, unprivileged: None) -> None:
    path = context.home.inbox / "unreadable.png"
    path.write_bytes(b"")
    path.chmod(0)
    assert "unreadable.png" in problems(context)["inbox"]
    assert "chmod u+r" in problems(context)["inbox"]


def test_a_missing_inbox_and_an_unwritable_store_are_told(context: Context, unprivileged: None) -> None:
    context.home.inbox.rmdir()
    context.home.store.chmod(0o500)
    found = problems(context)
    assert "does not exist" in found["inbox"]
    assert "chmod u+rwx" in found["store"]


def test_little_free_disk_and_few_watches_are_told(
    context: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(checks, "_LEAST_FREE_MB", 2**40)
    limit = tmp_path / "max_user_watches"
    limit.write_text("128\n")
    monkeypatch.setattr(checks, "_WATCH_LIMIT", limit)
    found = problems(context)
    assert "Make room" in found["free disk"]
    assert "fs.inotify.max_user_watches" in found["watch limit"]


def test_an_unmigrated_database_is_told(context: Context) -> None:
    context.home.database.unlink()
    context.engine.dispose()
    assert "headct migrate" in problems(context)["database and its migration"]


def test_an_unknown_model_is_told(context: Context) -> None:
    settings = context.settings.model_copy(update={"model_version": "nonesuch"})
    assert "nonesuch" in problems(Context(settings, context.home, context.engine))["model"]
