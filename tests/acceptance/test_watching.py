"""What tells from outside whether all is well: metrics, log lines and heartbeats of a running system."""

import base64
import itertools
import json
import re
import shutil
import signal
import urllib.request
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from db.training_runs import RunRequest, request_run
from models.store import shipped_model
from tests.acceptance.conftest import HEARTBEAT_S
from tests.faults.system import System
from tests.processes import run_headct, wait_until

DEAF_AFTER_S = HEARTBEAT_S * 10 / 3
DEAF = "no classify worker has taken a message"


def test_every_metric_of_files_moves_when_files_come(system: System, image_bytes: bytes) -> None:
    system.drop(image_bytes + b"watched", "watched.png")
    system.wait_for("watched.png")
    done = system.count("classified")
    before = wait_until(
        lambda: told if (told := system.metrics())["headct_files{state=classified}"] == done else None
    )
    system.drop(b"watched and bad", "watched-bad.png")
    names = [f"watched-{number}.png" for number in range(3)]
    for name in names:
        system.drop(image_bytes + name.encode(), name)
    system.wait_for("watched-bad.png", *names)
    wait_until(
        lambda: system.metrics()["headct_files{state=classified}"] == done + 3, what="the metrics follow"
    )
    after = system.metrics()
    moved = {name: after[name] - before.get(name, 0) for name in after}
    assert moved["headct_files_taken_total"] == 4
    assert 1 <= moved["headct_chunks_published_total"] <= 4
    assert moved["headct_files{state=rejected}"] == moved["headct_files_finished_total{state=rejected}"] == 1
    assert moved["headct_files{state=classified}"] == 3
    assert moved["headct_files_finished_total{state=classified}"] == 3
    assert moved["headct_file_latency_seconds_count"] == 3, "only of what is classified"
    assert moved["headct_file_attempts_total"] == moved["headct_decode_seconds_count"] == 4
    assert 1 <= moved["headct_network_seconds_count"] <= 3
    for name in ("file_latency", "decode", "network"):
        assert moved[f"headct_{name}_seconds_sum"] > 0
    assert after["headct_broker_up"] == after["headct_database_up"] == 1
    assert after["headct_queue_messages{queue=inference}"] == after["headct_inbox_files"] == 0
    assert after["headct_oldest_unfinished_age_seconds"] == after["headct_intake_paused"] == 0
    assert after[f"headct_model_info{{version={shipped_model().card.version}}}"] == 1
    free = shutil.disk_usage(system.home.store).free
    assert abs(after["headct_disk_free_bytes{folder=store}"] - free) < free / 10


def test_a_chunk_whose_process_is_killed_is_counted_when_it_comes_again(
    system: System, image_bytes: bytes
) -> None:
    def redelivered() -> float:
        return system.metrics().get("headct_chunks_redelivered_total", 0.0)

    before = redelivered()
    for number in itertools.count():  # until a kill falls into the middle of one
        names = [f"killed-{number}-{one}.png" for one in range(32)]
        for name in names:
            system.drop(image_bytes + name.encode(), name, "classified")
        wait_until(lambda: system.count("running"), every_s=0.005, what="a worker has begun a chunk")
        for child in system.children("worker"):
            child.kill()
        system.wait_for(*names)
        if redelivered() > before:
            break
        assert number < 5, "what was killed is delivered again"


def test_the_document_lists_every_metric(system: System) -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
    listed = set(re.findall(r"^\| `(headct_\w+)`", page, re.MULTILINE))
    served = {re.sub(r"(_bucket|_count|_sum|_created)?(\{.*)?$", "", name) for name in system.metrics()}
    assert {name for name in served if name.startswith("headct_")} == listed


def test_heartbeats_are_answered_and_fill_neither_flower_nor_the_log(
    system: System, image_bytes: bytes
) -> None:
    system.drop(image_bytes + b"heartbeats", "heartbeats.png", "classified")
    system.wait_for("heartbeats.png")
    mark = next(path for path in system.home.health.iterdir() if path.is_file())
    first = mark.stat().st_mtime_ns
    wait_until(lambda: mark.stat().st_mtime_ns > first, what="a heartbeat is answered")
    password = (system.home.root / "secrets" / "flower_password").read_text()
    request = urllib.request.Request(f"http://127.0.0.1:{system.flower_port}/api/tasks")
    request.add_header("Authorization", "Basic " + base64.b64encode(f"headct:{password}".encode()).decode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        names = {task["name"] for task in json.load(answer).values()}
    assert "headct.classify_files" in names <= {"headct.classify_files", "headct.train_model"}
    assert "heartbeat" not in (system.home.logs / "worker.log").read_text()


def test_a_worker_that_takes_nothing_is_noticed_and_told_until_it_does_again(
    system: System, image_bytes: bytes
) -> None:
    log = system.home.logs / "scheduler.log"
    lines_before = log.read_text().count(DEAF)
    stopped = [system.part("worker"), *system.children("worker")]
    for process in stopped:
        process.suspend()
    try:
        system.drop(image_bytes + b"deaf", "deaf.png", "classified")
        wait_until(lambda: log.read_text().count(DEAF) > lines_before, what="the scheduler notices")
        told = system.metrics()
        assert told["headct_heartbeat_age_seconds"] > DEAF_AFTER_S
        assert told["headct_oldest_unfinished_age_seconds"] > 1
        assert told["headct_files{state=queued}"] == 1
        assert 1 <= told["headct_queue_messages{queue=inference}"] <= 2, "heartbeats never pile up"
        doctor = run_headct(system.home, "doctor", HEADCT_HEARTBEAT_SECONDS=str(HEARTBEAT_S))
        assert re.search(r"BAD  classify worker: .* for \d+ s", doctor.stdout), doctor.stdout
    finally:
        for process in stopped:
            process.resume()
    system.wait_for("deaf.png")
    assert system.state("deaf.png") == "classified"
    wait_until(
        lambda: "takes messages again" in log.read_text().rsplit(DEAF, 1)[1], what="the recovery is noticed"
    )
    # The answer before may be given once more: the metrics are looked up anew every second.
    wait_until(lambda: system.metrics()["headct_heartbeat_age_seconds"] < DEAF_AFTER_S, what="so do they")
    assert run_headct(system.home, "doctor").returncode == 0


def test_training_runs_that_wait_are_counted_in_their_queue(system: System) -> None:
    request = RunRequest(seed=1, epochs=1, promote=False, requested_by="a person")
    with system.suspended("training"):
        with Session(system.engine) as session, session.begin():
            runs = [request_run(session, request) for _ in range(2)]
        # One of the messages may be on its way to the worker that stands still.
        wait_until(lambda: system.metrics()["headct_queue_messages{queue=training}"] >= 1, what="one waits")
        assert system.metrics()["headct_training_runs{state=requested}"] == len(runs)
        for run_id in runs:
            assert run_headct(system.home, "runs", "cancel", str(run_id)).returncode == 0
    wait_until(lambda: system.metrics()["headct_queue_messages{queue=training}"] == 0, what="none waits")


def test_a_worker_whose_terminal_is_closed_stops(system: System) -> None:
    """Celery would have it become its own program anew, under the same process id."""
    system.children("worker")
    worker = system.part("worker")
    worker.send_signal(signal.SIGHUP)
    wait_until(lambda: system.part("worker").pid != worker.pid, 20, what="the supervisor starts another one")
    system.children("worker")


def test_every_line_of_every_log_file_is_an_event(system: System) -> None:
    """The last of all on this system: it stops it, as a terminal does that is closed."""
    system.stop(signal.SIGHUP)
    files = {path.name: path.read_text().splitlines() for path in system.home.logs.glob("*.log*")}
    # Not so those of the servers that others wrote, and the log of one run, which is for people to read.
    others = ("redis", "superv", "training-")
    lines = [line for name, lines in files.items() for line in lines if not name.startswith(others)]
    assert files.keys() >= {"scheduler.log", "worker.log", "training.log", "flower.log"}
    events = [json.loads(line) for line in lines]
    assert any("SIGKILL" in event["message"] for event in events), (
        "what Celery's pool says of its processes too"
    )
    for event in events:
        assert datetime.fromisoformat(event["time"]).utcoffset() is not None
        assert event["level"] in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}
        assert event["logger"]
        assert event["message"]
    deaf = [event for event in events if DEAF in event["message"]]
    assert deaf
    assert all(event["level"] == "ERROR" and event["heartbeat_age_s"] > DEAF_AFTER_S for event in deaf)
    recorded, published, classified, unpacked = (
        {file_id for event in events if stage in event["message"] for file_id in event["file_ids"]}
        for stage in ("are recorded", "are published", "are classified", "is unpacked")
    )
    assert set() != recorded <= published == classified | unpacked
    dropped = {drop.name for drop in system.dropped}
    unrecorded = {name for name, row in system.rows().items() if row.file_id in published - recorded}
    assert not unrecorded & dropped, "only what `submit` takes is recorded in no log file"
    chunk = next(event for event in events if "are classified" in event["message"])
    assert all(chunk[f"{stage}_ms"] >= 0 for stage in ("claim", "decode", "network", "commit"))
    assert chunk["model_version"] == shipped_model().card.version
