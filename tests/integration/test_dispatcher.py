import base64
import json
import subprocess
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from kombu.exceptions import OperationalError as PublishError
from msgspec.structs import replace
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from core.broker import broker_url, queue_depth, redis_client
from core.errors import BrokerUnusable
from core.home import Home
from core.queues import INFERENCE_QUEUE, TRAINING_QUEUE
from core.settings import Settings
from db.arrivals import NewArrival, record_arrivals
from db.engine import now
from db.queries import counts_by_state
from db.requeue import reclassify
from db.tables import File
from db.training_runs import RunRequest, request_run
from scheduler.dispatcher import Dispatcher
from scheduler.metrics import TAKEN_BACK
from scheduler.service import run_scheduler
from tests.processes import wait_until
from worker.app import create_app


def make_dispatcher(settings: Settings, home: Home, engine: Engine, *, sweep_s: float = 5.0) -> Dispatcher:
    client = redis_client(broker_url(settings, home))
    return Dispatcher(settings, engine, create_app(settings, home), client, sweep_s=sweep_s)


def arrive(engine: Engine, count: int) -> None:
    with Session(engine) as session, session.begin():
        names = [NewArrival(f"{number:064x}", 1, "Doe^Jane.png", None) for number in range(count)]
        record_arrivals(session, names)


def counts(engine: Engine) -> dict[str, int]:
    with Session(engine) as session:
        return {state: count for state, count in counts_by_state(session).items() if count}


def test_only_ids_travel_as_json(
    settings: Settings, home: Home, sqlite_engine: Engine, redis_server: subprocess.Popen[bytes]
) -> None:
    arrive(sqlite_engine, 3)
    make_dispatcher(settings, home, sqlite_engine).dispatch()
    client = redis_client(broker_url(settings, home))
    (raw,) = client.lrange(INFERENCE_QUEUE, 0, -1)
    message = json.loads(raw)
    assert message["content-type"] == "application/json"
    assert json.loads(base64.b64decode(message["body"]))[0] == [[1, 2, 3]]
    assert b"Doe" not in raw + base64.b64decode(message["body"])


def test_a_large_inbox_does_not_fill_redis(
    settings: Settings, home: Home, sqlite_engine: Engine, redis_server: subprocess.Popen[bytes]
) -> None:
    arrive(sqlite_engine, 1000)
    settings = replace(settings, high_water_chunks=5, chunk_size=16)
    dispatcher = make_dispatcher(settings, home, sqlite_engine)
    while (
        dispatcher.dispatch() and queue_depth(redis_client(broker_url(settings, home)), INFERENCE_QUEUE) < 5
    ):
        pass
    dispatcher.dispatch()
    assert queue_depth(redis_client(broker_url(settings, home)), INFERENCE_QUEUE) == 5
    assert counts(sqlite_engine) == {"queued": 80, "received": 920}


def test_new_files_go_before_those_to_be_classified_again_which_never_fill_the_queue(
    settings: Settings, home: Home, sqlite_engine: Engine, redis_server: subprocess.Popen[bytes]
) -> None:
    arrive(sqlite_engine, 200)
    with Session(sqlite_engine) as session, session.begin():
        session.execute(update(File).values(state="classified", finished_at=now()))
        assert reclassify(session, "v2", None) == 200
    arrive(sqlite_engine, 220)  # twenty more
    settings = replace(settings, chunk_size=16)
    client = redis_client(broker_url(settings, home))
    for _ in range(2):
        make_dispatcher(settings, home, sqlite_engine).dispatch()
    queued = client.lrange(INFERENCE_QUEUE, 0, -1)[::-1]  # the first that was sent is the last
    chunks = [json.loads(base64.b64decode(json.loads(raw)["body"]))[0][0] for raw in queued]
    new = list(range(201, 221))
    assert chunks == [new[:16], new[16:], list(range(1, 17)), list(range(17, 33))]


def count_taken_back() -> float:
    """The value of headct_files_taken_back_total."""
    return next(sample.value for metric in TAKEN_BACK.collect() for sample in metric.samples)


def test_what_redis_lost_is_published_again_once_its_lease_ran_out(
    settings: Settings, home: Home, sqlite_engine: Engine, redis_server: subprocess.Popen[bytes]
) -> None:
    arrive(sqlite_engine, 3)
    make_dispatcher(settings, home, sqlite_engine).dispatch()
    client = redis_client(broker_url(settings, home))
    client.flushall()
    taken_back = count_taken_back()
    with Session(sqlite_engine) as session, session.begin():
        session.execute(update(File).values(lease_expires_at=now()))
    make_dispatcher(settings, home, sqlite_engine).dispatch()
    assert queue_depth(client, INFERENCE_QUEUE) == 1
    assert count_taken_back() == taken_back + 3


def test_no_lease_runs_while_the_dispatcher_cannot_look(
    settings: Settings, home: Home, sqlite_engine: Engine, redis_server: subprocess.Popen[bytes]
) -> None:
    arrive(sqlite_engine, 3)
    dispatcher = make_dispatcher(replace(settings, lease_seconds=1), home, sqlite_engine, sweep_s=0.1)
    dispatcher.dispatch()
    time.sleep(1.1)  # the database was locked, the machine asleep, or the clock set
    began = now()
    dispatcher.dispatch()
    assert queue_depth(redis_client(broker_url(settings, home)), INFERENCE_QUEUE) == 1, "not published again"
    assert counts(sqlite_engine) == {"queued": 3}
    with Session(sqlite_engine) as session:
        assert min(session.scalars(select(File.lease_expires_at))) >= began + timedelta(seconds=1)


def test_without_redis_everything_waits_in_the_database(
    settings: Settings, home: Home, sqlite_engine: Engine
) -> None:
    arrive(sqlite_engine, 3)
    with pytest.raises(BrokerUnusable, match="HEADCT_BROKER_URL"):
        make_dispatcher(settings, home, sqlite_engine).dispatch()
    assert counts(sqlite_engine) == {"received": 3}


def test_a_redis_that_refuses_writes_leaves_everything_in_the_database(
    settings: Settings, home: Home, sqlite_engine: Engine, redis_server: subprocess.Popen[bytes]
) -> None:
    arrive(sqlite_engine, 3)
    redis_client(broker_url(settings, home)).config_set("maxmemory", "1")
    with pytest.raises((BrokerUnusable, PublishError)):
        make_dispatcher(settings, home, sqlite_engine).dispatch()
    assert counts(sqlite_engine) == {"received": 3}


def test_a_training_run_is_published_by_its_id_and_not_twice(
    settings: Settings, home: Home, sqlite_engine: Engine, redis_server: subprocess.Popen[bytes]
) -> None:
    with Session(sqlite_engine) as session, session.begin():
        request_run(session, RunRequest(seed=1, epochs=1, promote=True, requested_by="a person"))
    for _ in range(2):
        make_dispatcher(settings, home, sqlite_engine).dispatch()
    assert queue_depth(redis_client(broker_url(settings, home)), TRAINING_QUEUE) == 1


def test_it_sleeps_until_woken_and_outlasts_a_missing_redis(
    settings: Settings,
    home: Home,
    sqlite_engine: Engine,
    redis_server: subprocess.Popen[bytes],
    tmp_path: Path,
) -> None:
    dispatcher, stop = make_dispatcher(settings, home, sqlite_engine), threading.Event()
    thread = threading.Thread(target=dispatcher.run, args=(stop,))
    thread.start()
    try:
        arrive(sqlite_engine, 1)
        dispatcher.wake()
        wait_until(lambda: counts(sqlite_engine) == {"queued": 1}, 20)
        redis_server.kill()
        redis_server.wait()
        arrive(sqlite_engine, 2)
        dispatcher.wake()
        assert thread.is_alive()
        wait_until(lambda: counts(sqlite_engine).get("received") == 1, 20)
    finally:
        stop.set()
        dispatcher.wake()
        thread.join(10)
    assert not thread.is_alive()


def test_the_scheduler_ends_when_its_dispatcher_fails(
    settings: Settings, home: Home, sqlite_engine: Engine, redis_server: subprocess.Popen[bytes]
) -> None:
    unforeseen = replace(settings, chunk_size=0)  # which no environment can set
    with pytest.raises(ValueError, match="range"):
        run_scheduler(unforeseen, home, sqlite_engine, "shipped")
