"""The locks of a running system, whose Redis is an external one behind TLS."""

import base64
import contextlib
import json
import os
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import flower.urls
import psutil
import pytest
import redis

from core.home import Home
from core.queues import INFERENCE_QUEUE, TRAINING_QUEUE
from core.secret import kept_secret
from core.settings import Settings
from tests.dicom_files import as_bytes, ct_slice
from tests.faults.invariants import processes_of
from tests.faults.system import System, running_system, still_running
from tests.foreign_messages import MARK, envelope, foreign_messages
from tests.processes import redis_process, run_headct, wait_until
from tests.tls import make_authority, tls_before
from tests.wiretap import Wiretap, dump, with_decoded
from worker.app import CLASSIFY_TASK, TRAIN_TASK

PATIENT = "Quixotl^Zebedea"
COMMANDS = r"/api/(worker/|task/(apply|async-apply|send-task|abort|timeout|rate-limit|revoke)/)"
NAME = re.compile(rb"quixotl|zebedea", re.IGNORECASE)
"""Neither half of the name may be found anywhere but in the database."""


@dataclass(frozen=True)
class Guarded:
    """The running system, and the home of its Redis."""

    system: System
    broker: Home
    redis: "redis.Redis"
    wiretap: Wiretap
    url: str

    def headct(self, *arguments: str) -> str:
        """What a command prints, which goes well."""
        done = run_headct(self.system.home, *arguments, HEADCT_BROKER_URL=self.url)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ask(self, path: str, *, method: str = "GET", password: str | None = None) -> bytes:
        """The page of Flower; an empty password: without any."""
        secret = kept_secret(self.system.home, "flower_password") if password is None else password
        request = urllib.request.Request(f"http://127.0.0.1:{self.system.flower_port}{path}", method=method)
        if secret:
            user = base64.b64encode(f"headct:{secret}".encode()).decode()
            request.add_header("Authorization", f"Basic {user}")
        with urllib.request.urlopen(request, timeout=20) as answer:
            return bytes(answer.read())

    def logs(self) -> dict[str, bytes]:
        """All that any part of it has written down."""
        home = self.system.home
        folders = (home.logs, home.run, home.health, self.broker.logs)
        return {
            str(path): path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()
        }


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("security")
    broker, home = Home(folder / "broker"), Home(folder / "home")
    broker.make()
    home.make()
    # Flower would run it as Python, since the parts are started in this folder.
    (home.root / "flowerconfig.py").write_text("open('flowerconfig-ran', 'w').close()\n")
    authority, certificate = make_authority(folder)
    settings = Settings(home=broker.root)
    with redis_process(settings, broker), tls_before(broker.redis_socket, authority) as port:
        password = kept_secret(broker, "redis_password")
        url = f"rediss://:{quote(password)}@127.0.0.1:{port}/0?ssl_ca_certs={certificate}"
        wiretap = Wiretap(broker)
        with running_system(home, HEADCT_BROKER_URL=url, HEADCT_MAX_FILE_MB="0.5") as system:
            # More patient than the product's, which gives up after 5 s: the machine may be busy.
            client = redis.Redis(
                unix_socket_path=str(broker.redis_socket), password=password, socket_timeout=60
            )
            yield Guarded(system, broker, client, wiretap, url)
        wiretap.close()


def test_a_file_goes_its_way_over_tls(guarded: Guarded, image_bytes: bytes) -> None:
    guarded.system.drop(image_bytes, "tls.png")
    guarded.system.wait_for("tls.png")
    assert guarded.system.state("tls.png") == "classified"
    assert json.loads(guarded.headct("status", "--json"))["problems"] == []


def pages(guarded: Guarded) -> dict[str, bytes]:
    """Every page of Flower and every answer of its API, for each worker and task that it knows."""
    tasks = json.loads(guarded.ask("/api/tasks?limit=1000"))
    workers = json.loads(guarded.ask("/api/workers?refresh=1"))
    assert tasks
    assert {name.split("@")[0] for name in workers} == {"inference", "training"}
    asked = ["/", "/workers", "/tasks", "/broker", "/healthcheck", "/api/task/types"]
    asked += ["/api/queues/length", "/api/tasks?limit=1000", "/api/workers?refresh=1"]
    asked += [
        "/tasks/datatable?draw=1&start=0&length=1000&search[value]=&order[0][column]=0&order[0][dir]=asc"
    ]
    asked += [f"/worker/{quote(name)}" for name in workers]
    asked += [f"/{page}/{task}" for task in tasks for page in ("task", "api/task/info")]
    return {path: guarded.ask(path) for path in asked}


def metrics(guarded: Guarded) -> bytes:
    """What Prometheus is told."""
    said = (guarded.system.home.logs / "up.out").read_text()
    (url,) = re.findall(r"http://127\.0\.0\.1:\d+/metrics", said)
    with urllib.request.urlopen(url, timeout=20) as answer:
        return bytes(answer.read())


def test_no_name_of_a_patient_leaves_the_database(
    guarded: Guarded, image_bytes: bytes, synthetic_images: Path, tmp_path: Path
) -> None:
    system = guarded.system
    planted = {
        f"{PATIENT}/good.png": (image_bytes + b"1", "classified"),
        f"{PATIENT}'); DROP TABLE file; --.png": (image_bytes + b"2", "classified"),
        f"{PATIENT}\n.png": (image_bytes + b"3", "classified"),
        f"{PATIENT}.png": (b"no image", "rejected"),
        f"{PATIENT}-cut.png": (image_bytes[: len(image_bytes) // 2], "rejected"),
        f"{PATIENT}-large.png": (bytes(2**20), "rejected"),
        f"{PATIENT}.dcm": (as_bytes(ct_slice(PatientName=PATIENT)), "classified"),
        f"{PATIENT}-magnetic.dcm": (as_bytes(ct_slice(PatientName=PATIENT, Modality="MR")), "rejected"),
    }
    os.mkfifo(system.home.inbox / f"{PATIENT}.fifo")
    (system.home.inbox / f"{PATIENT}-link.png").symlink_to(tmp_path / PATIENT)
    for name, (content, state) in planted.items():
        system.drop(content, name, state)
    folder = tmp_path / PATIENT
    for label in ("Normal", "Hemorrhage"):
        (folder / label).mkdir(parents=True)
        for number, image in enumerate(sorted((synthetic_images / "images").iterdir())[:4]):
            shutil.copyfile(image, folder / label / f"{PATIENT}-{number}.png")
    system.wait_for(*planted)
    rows = system.rows()
    assert {name: rows[name].state for name in planted} == {
        name: state for name, (_, state) in planted.items()
    }
    file_id = str(rows[f"{PATIENT}/good.png"].file_id)
    guarded.headct("label", file_id, "hemorrhage", "--note", PATIENT)
    run_headct(system.home, "dataset", "import", str(folder), HEADCT_BROKER_URL=guarded.url)
    guarded.headct("retry", "--rejected")
    system.wait_for(*planted)
    for path, page in pages(guarded).items():
        assert not NAME.search(with_decoded(page)), path
    assert not NAME.search(metrics(guarded))
    assert CLASSIFY_TASK.encode() in guarded.wiretap.heard
    assert not NAME.search(with_decoded(bytes(guarded.wiretap.heard)))
    assert not NAME.search(with_decoded(dump(guarded.redis)))
    for path, text in guarded.logs().items():
        assert not NAME.search(with_decoded(text)), path


def test_flower_only_shows_and_only_to_who_has_its_password(guarded: Guarded) -> None:
    paths = [
        handler[0] if isinstance(handler, tuple) else handler.regex.pattern
        for handler in flower.urls.handlers
    ]
    worker = next(
        iter(wait_until(lambda: json.loads(guarded.ask("/api/workers")), what="Flower knows a worker"))
    )
    asked = [
        re.sub(r"\(\.[+*]\)", quote(worker), path).rstrip("$?/") or "/"
        for path in paths
        if path not in {".*", "/metrics"}
    ]
    with pytest.raises(urllib.error.HTTPError, match="404"):
        guarded.ask("/metrics")  # they would ask for no password
    refused = 0
    for path in asked:
        with pytest.raises(urllib.error.HTTPError) as caught:
            guarded.ask(path, method="POST")
        refused += caught.value.code == 403
        # The table of tasks can be asked for by POST too; this asks for it wrongly.
        assert caught.value.code in {400 if path == "/tasks/datatable" else 403, 403, 404, 405}, path
        if path not in {"/healthcheck", "/login", "/logout"} and not path.startswith("/static/"):
            for password in ("wrong", ""):
                with pytest.raises(urllib.error.HTTPError) as caught:
                    guarded.ask(path, password=password)
                # Commands know POST alone, which was refused above.
                assert caught.value.code == (405 if re.match(COMMANDS, path) else 401), path
    assert refused >= 14, "every command of its API"
    assert not (guarded.system.home.root / "flowerconfig-ran").exists()
    listening = {
        address.laddr.ip
        for process in psutil.Process(guarded.system.process.pid).children(recursive=True)
        for address in process.net_connections()
        if address.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_no_secret_stands_in_the_arguments_of_a_process_a_log_or_a_page(guarded: Guarded) -> None:
    secrets = [
        kept_secret(guarded.system.home, "flower_password"),
        kept_secret(guarded.broker, "redis_password"),
    ]
    processes = processes_of(guarded.system.home) + processes_of(guarded.broker)
    assert len(processes) >= 7
    assert any("redis-server" in process.name() for process in processes)
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            assert not any(secret in word for secret in secrets for word in process.cmdline())
    for path, text in {**guarded.logs(), **pages(guarded)}.items():
        assert not any(secret.encode() in with_decoded(text) for secret in secrets), path


def test_all_that_a_running_system_writes_is_for_its_user_alone(guarded: Guarded) -> None:
    # A stored file can be the dropped one under another name, with the mode that it came with.
    linked = {guarded.system.home.store, guarded.system.home.rejected, guarded.system.home.dataset}
    mine = {guarded.system.home.root / "flowerconfig.py"}  # and *.out: the test's own files
    for home in (guarded.system.home, guarded.broker):
        for path in home.root.rglob("*"):
            ours = path.suffix != ".out" and path not in mine and path.parent not in linked
            if ours and home.inbox not in (path, *path.parents):
                assert not path.stat().st_mode & 0o077, path


def test_messages_of_a_stranger_are_dropped_and_logged_and_the_worker_goes_on(
    guarded: Guarded, image_bytes: bytes, tmp_path: Path
) -> None:
    system, client = guarded.system, guarded.redis
    system.drop(image_bytes + b"before", "before.png")
    system.wait_for("before.png")
    system.children("training")
    before = {part: (system.part(part).pid, system.children(part)[0].pid) for part in ("worker", "training")}
    sent = {}
    unknown = {"worker": "names 1 files that do not exist", "training": "names training run 999999999, which"}
    for queue, log, task in (
        (INFERENCE_QUEUE, "worker", CLASSIFY_TASK),
        (TRAINING_QUEUE, "training", TRAIN_TASK),
    ):
        messages = list(foreign_messages(task, tmp_path / "bomb"))
        for message in messages:
            client.lpush(queue, message)
        client.lpush(queue, json.dumps(envelope(task, [[999_999_999]] if log == "worker" else [999_999_999])))
        sent[log] = len(messages) + 1
    client.publish("/0.celery.pidbox", "[]")  # where both hear Celery's control messages

    def told(part: str, what: str) -> int:
        return (system.home.logs / f"{part}.log").read_text().count(what)

    for part, number in sent.items():
        for what, times in (("that is not headct's was dropped", number), (unknown[part], 1)):
            wait_until(lambda: told(part, what) == times, 30, what=f"{part} says {times} times: {what}")  # noqa: B023 - called at once
    system.drop(image_bytes + b"after", "after.png")
    system.wait_for("after.png")
    assert system.state("after.png") == "classified"
    wait_until(
        lambda: not client.exists(INFERENCE_QUEUE, TRAINING_QUEUE, "unacked"), what="nothing is left of them"
    )
    assert before["worker"] == (system.part("worker").pid, system.children("worker")[0].pid)
    assert before["training"][0] == system.part("training").pid
    assert not (tmp_path / "bomb").exists()
    for path, text in guarded.logs().items():
        assert MARK.encode() not in with_decoded(text), path


def test_no_part_outlives_an_up_that_is_killed(guarded: Guarded) -> None:
    """The last of all on this system: it ends it."""
    guarded.system.children("training")  # each does one task, and the test before sent one
    everything = psutil.Process(guarded.system.process.pid).children(recursive=True)
    assert len(everything) >= 6
    guarded.system.process.kill()
    guarded.system.process.wait(5)
    assert still_running(everything, 10) == []
