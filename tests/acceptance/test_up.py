"""`headct up` as a process: how it starts, refuses, mends itself and stops."""

import os
import re
import signal
import socket
import time
from pathlib import Path

import psutil
import pytest

from core.home import Home
from db.engine import make_engine
from db.migrate import migrate
from models.store import ModelStore, shipped_model
from tests.acceptance.conftest import System, running_system
from tests.processes import run_headct, wait_until


def parts(system: System) -> dict[str, psutil.Process]:
    """The supervised processes by the command that each runs."""
    found = {}
    for process in psutil.Process(system.process.pid).children():
        line = process.cmdline()
        found["redis" if "redis-server" in line[0] else " ".join(line[line.index("cli") + 1 :])] = process
    return found


def test_parts_that_are_killed_are_started_again_and_it_is_said(home: Home, scan_bytes: bytes) -> None:
    with running_system(home) as system:
        system.drop(scan_bytes, "before.png")
        system.wait_for("before.png")
        running = parts(system)
        assert set(running) == {
            "redis",
            "watch",
            "worker --queue inference",
            "worker --queue training",
            "flower",
        }
        killed = [running["redis"], running["watch"], *running["worker --queue inference"].children()]
        for process in killed:
            process.kill()
        system.drop(scan_bytes + b"1", "after.png")
        system.wait_for("after.png")
        assert system.state("after.png") == "classified"
        said = (home.logs / "up.out").read_text()
        assert "exited: redis (terminated by SIGKILL; not expected)" in said
        assert "exited: scheduler (terminated by SIGKILL; not expected)" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_within_ten_seconds_and_leaves_no_process(home: Home, number: signal.Signals) -> None:
    with running_system(home) as system:
        wait_until(lambda: "ready." in (home.logs / "worker.log").read_text())
        everything = psutil.Process(system.process.pid).children(recursive=True)
        assert len(everything) >= 5
        began = time.monotonic()
        os.kill(system.process.pid, number)
        system.process.wait(20)
        assert time.monotonic() - began < 10
        _, alive = psutil.wait_procs(everything, timeout=1)
        assert alive == []


def test_killing_it_outright_leaves_no_process_either(home: Home) -> None:
    with running_system(home) as system:
        wait_until(lambda: "ready." in (home.logs / "worker.log").read_text())
        everything = psutil.Process(system.process.pid).children(recursive=True)
        system.process.kill()
        system.process.wait(5)
        _, alive = psutil.wait_procs(everything, timeout=10)
        assert alive == []


def test_the_same_system_works_on_postgresql(home: Home, postgresql_url: str, scan_bytes: bytes) -> None:
    with running_system(home, postgresql_url) as system:
        system.drop(scan_bytes, "scan.png")
        system.drop(b"bad", "bad.png")
        system.wait_for("scan.png", "bad.png")
        assert (system.state("scan.png"), system.state("bad.png")) == ("classified", "rejected")
    assert not home.database.exists()


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
    for command in ("up", "watch", "results"):
        refused = run_headct(home, command, HEADCT_FLOWER_PORT="0")
        assert refused.returncode == 1
        assert "9999" in refused.stderr
        assert "newer" in refused.stderr


def test_a_missing_inbox_is_told_at_the_start(home: Home) -> None:
    home.inbox.rmdir()
    home.inbox.write_text("a file in its place")
    refused = run_headct(home, "up", HEADCT_FLOWER_PORT="0")
    assert refused.returncode == 1
    assert str(home.inbox) in refused.stderr


@pytest.mark.parametrize(
    ("damage", "told"), [("alter", "altered|SHA-256"), ("remove", "gone|missing|not there")]
)
def test_missing_and_altered_weights_are_told_at_the_start(home: Home, damage: str, told: str) -> None:
    shipped = shipped_model()
    ModelStore(home.models).register(
        type(shipped.card)(**{**vars(shipped.card), "version": "site-1"}), shipped.weights_path
    )
    weights = home.models / "site-1" / "model.weights.h5"
    assert weights.exists()
    if damage == "alter":
        weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    else:
        weights.unlink()
    for command in ("up", "worker"):
        refused = run_headct(home, "migrate") if command == "worker" else None
        refused = run_headct(home, command, HEADCT_MODEL_VERSION="site-1", HEADCT_FLOWER_PORT="0")
        assert refused.returncode == 1
        assert re.search(told, refused.stderr), refused.stderr


def test_an_unknown_model_version_names_those_there_are(home: Home) -> None:
    refused = run_headct(home, "up", HEADCT_MODEL_VERSION="nonesuch", HEADCT_FLOWER_PORT="0")
    assert refused.returncode == 1
    assert shipped_model().card.version in refused.stderr


def test_wrong_settings_stop_the_start(home: Home) -> None:
    refused = run_headct(home, "up", HEADCT_CHUNK_SIZE="0")
    assert refused.returncode == 1
    assert "HEADCT_CHUNK_SIZE=0 is not allowed" in refused.stderr


def test_the_demo_shows_results_beside_the_truth(tmp_path: Path) -> None:
    home = Home(tmp_path / "unused")
    home.make()
    shown = run_headct(home, "demo")
    assert shown.returncode == 0, shown.stderr
    assert len(re.findall(r"classified +(?:normal|hemorrhage)", shown.stdout)) == 24
    for expected in ("images/s", "http://127.0.0.1:", "headct results", "as labelled"):
        assert expected in shown.stdout
    assert list(home.inbox.iterdir()) == []
