"""`headct up` as a process: how it starts, refuses, mends itself and stops."""

import re
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from sqlalchemy.orm import Session

from core.home import Home
from db.engine import make_engine
from db.migrate import migrate
from db.promotions import promote
from db.states import Cause
from models.store import ModelStore, shipped_model
from tests.faults.system import running_system, still_running
from tests.processes import run_headct, wait_until

SHIPPED = shipped_model().card.version


def read_log(home: Home, part: str) -> str:
    """What a part has logged so far."""
    path = home.logs / f"{part}.log"
    return path.read_text() if path.exists() else ""


def test_a_taken_port_is_told(home: Home) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        refused = run_headct(home, "up", HEADCT_FLOWER_PORT=port)
    assert refused.returncode == 1
    assert re.search(rf"127\.0\.0\.1:{port}.*HEADCT_FLOWER_PORT", refused.stderr)


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("HEADCT_DATABASE_URL", "postgresql://user:hunter2@127.0.0.1:1/headct"),
        ("HEADCT_BROKER_URL", "redis://:hunter2@127.0.0.1:1/0"),
    ],
)
def test_an_unreachable_server_is_told_at_the_start(home: Home, variable: str, url: str) -> None:
    refused = run_headct(home, "up", **{variable: url, "HEADCT_FLOWER_PORT": "0"})
    assert refused.returncode == 1
    assert variable in refused.stderr
    assert "hunter2" not in refused.stdout + refused.stderr


def test_a_newer_database_is_told_at_the_start(home: Home, sqlite_url: str) -> None:
    engine = make_engine(sqlite_url)
    migrate(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    home.database.chmod(0o600)
    for command in ("up", "watch", "results"):
        refused = run_headct(home, command, HEADCT_FLOWER_PORT="0")
        assert refused.returncode == 1
        assert "9999" in refused.stderr
        assert "newer" in refused.stderr


def test_a_missing_inbox_is_told_at_the_start_and_not_made_anew(home: Home) -> None:
    home.inbox.rmdir()
    refused = run_headct(home, "up", HEADCT_FLOWER_PORT="0")
    assert refused.returncode == 1
    assert str(home.inbox) in refused.stderr
    assert "does not exist" in refused.stderr
    assert not home.inbox.exists()


@pytest.fixture
def site_model(home: Home) -> Path:
    """A version of this site is in use; its folder."""
    shipped = shipped_model()
    ModelStore(home.models).register(replace(shipped.card, version="site-1"), shipped.weights_path)
    engine = make_engine(f"sqlite:///{home.database}")
    migrate(engine)
    with Session(engine) as session, session.begin():
        promote(session, "site-1", cause=Cause.PERSON, decided_by="ann", evidence=None)
    engine.dispose()
    home.database.chmod(0o600)
    return home.models / "site-1"


def test_a_child_beside_a_broken_version_serves_the_one_before_and_dies_with_the_system(
    home: Home, site_model: Path, scan_bytes: bytes
) -> None:
    weights = site_model / "model.weights.h5"
    with running_system(home) as system:
        system.drop(scan_bytes, "before.png")
        system.wait_for("before.png")
        whole = weights.read_bytes()
        weights.write_bytes(whole[:-1] + b"?")
        (child,) = system.parts()["worker"].children()
        child.kill()
        system.drop(scan_bytes + b"1", "after.png")
        system.wait_for("after.png")
        rows = system.rows()
        assert rows["before.png"].model_version == "site-1"
        assert rows["after.png"].model_version == SHIPPED
        assert "model site-1 is refused" in read_log(home, "worker")
        weights.write_bytes(whole)
        wait_until(lambda: ": site-1" in read_log(home, "worker").split("is refused")[1], 10)
        everything = psutil.Process(system.process.pid).children(recursive=True)
        system.process.kill()  # outright: its parts end with it
        system.process.wait(5)
        assert still_running(everything, 10) == []


@pytest.mark.parametrize(
    ("damage", "told"),
    [("alter", "SHA-256 differs"), ("remove", "are gone"), ("discard", f"There are: {SHIPPED}")],
)
def test_a_broken_version_in_use_is_told_at_the_start(
    home: Home, site_model: Path, damage: str, told: str
) -> None:
    weights = site_model / "model.weights.h5"
    if damage == "alter":
        weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    elif damage == "remove":
        weights.unlink()
    else:
        shutil.rmtree(site_model)
    for command in ("up", "worker"):
        refused = run_headct(home, command, HEADCT_FLOWER_PORT="0")
        assert refused.returncode == 1
        assert told in refused.stderr
        assert "headct models promote" in refused.stderr


def test_wrong_settings_stop_the_start(home: Home) -> None:
    refused = run_headct(home, "up", HEADCT_CHUNK_SIZE="0")
    assert refused.returncode == 1
    assert "HEADCT_CHUNK_SIZE=0 is not allowed" in refused.stderr


def test_the_demo_shows_results_beside_the_truth(tmp_path: Path) -> None:
    shown = run_headct(Home(tmp_path / "unused"), "demo")
    assert shown.returncode == 0, shown.stderr
    assert len(re.findall(r"(?:normal|hemorrhage|uncertain) +[01]\.\d+ +classified", shown.stdout)) == 24
    for expected in ("images/s", "http://127.0.0.1:", "headct results", "as labelled"):
        assert expected in shown.stdout
    assert not (tmp_path / "unused").exists()


def test_a_demo_of_a_folder_without_images_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused = run_headct(Home(tmp_path / "unused"), "demo", "--images", str(tmp_path / "empty"))
    assert refused.returncode == 1
    assert "There is no image in" in refused.stderr
