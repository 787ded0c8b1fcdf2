"""The heartbeat and the watchdog, with a real queue that nobody serves."""

import os
import subprocess
import time

import pytest
import redis
from msgspec.structs import replace

from core.broker import broker_url, queue_depth, redis_client
from core.errors import WorkersDeaf
from core.heartbeat import check_heard, deaf_after, heard_ages, mark_heard
from core.home import Home
from core.queues import INFERENCE_QUEUE, TRAINING_QUEUE
from core.settings import Settings
from scheduler.heartbeat import Heartbeat
from worker import deafness
from worker.app import create_app
from worker.deafness import Watchdog

WORKER = "inference@here"


@pytest.fixture
def client(settings: Settings, home: Home, redis_server: subprocess.Popen[bytes]) -> redis.Redis:
    return redis_client(broker_url(settings, home))


@pytest.fixture
def fast(settings: Settings) -> Settings:
    """A heart that beats every second."""
    return replace(settings, heartbeat_seconds=1.0)


def make_heartbeat(settings: Settings, home: Home, client: redis.Redis) -> Heartbeat:
    return Heartbeat(settings, create_app(settings, home), client, home)


def test_heartbeats_that_nobody_takes_do_not_pile_up_and_are_told_once(
    fast: Settings, home: Home, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    heartbeat = make_heartbeat(fast, home, client)
    ends = time.monotonic() + deaf_after(fast) + 1
    while time.monotonic() < ends:
        heartbeat.beat()
        time.sleep(0.1)
    assert queue_depth(client, INFERENCE_QUEUE) == 1
    (told,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "no classify worker has taken a message for 3 s, 1 wait" in told.getMessage()
    assert heartbeat.age() > deaf_after(fast)
    mark_heard(home, WORKER)
    heartbeat.beat()
    assert heartbeat.age() < 1


def test_a_busy_queue_gets_no_heartbeat(fast: Settings, home: Home, client: redis.Redis) -> None:
    client.lpush(INFERENCE_QUEUE, "a chunk")
    make_heartbeat(fast, home, client).beat()
    assert queue_depth(client, INFERENCE_QUEUE) == 1


def test_a_mark_tells_until_it_is_old(settings: Settings, home: Home) -> None:
    with pytest.raises(WorkersDeaf, match="taken a message yet"):
        check_heard(settings, home)
    mark_heard(home, WORKER)
    check_heard(settings, home)
    long_ago = time.time() - deaf_after(settings) - 5
    os.utime(home.health / WORKER, (long_ago, long_ago))
    with pytest.raises(WorkersDeaf, match=r"for 5\d s"):
        check_heard(settings, home)
    assert 50 < heard_ages(home)[WORKER] < 60
    os.utime(home.health / WORKER, (1e9, 1e9))
    assert heard_ages(home) == {}


def test_a_training_worker_says_nothing_of_the_classify_workers(settings: Settings, home: Home) -> None:
    mark_heard(home, "training@here")
    assert heard_ages(home) == {}
    with pytest.raises(WorkersDeaf):
        check_heard(settings, home)


def test_a_worker_looks_at_its_own_queue_only(settings: Settings, home: Home, client: redis.Redis) -> None:
    client.lpush(INFERENCE_QUEUE, "a chunk")
    watchdog = Watchdog(settings, client, TRAINING_QUEUE, home.health / "training@here")
    assert not any(watchdog.look() for _ in range(deafness._LOOKS_AT_FIRST + 1))
    client.lpush(TRAINING_QUEUE, "a run")
    assert [watchdog.look() for _ in range(deafness._LOOKS_AT_FIRST)][-1]


def test_a_worker_is_deaf_only_if_messages_wait_and_it_takes_none_again_and_again(
    settings: Settings, home: Home, client: redis.Redis
) -> None:
    mark_heard(home, WORKER)  # by an earlier worker
    watchdog = Watchdog(settings, client, INFERENCE_QUEUE, home.health / WORKER)
    assert not any(watchdog.look() for _ in range(2 * deafness._LOOKS_AT_FIRST)), "nothing waits"
    client.lpush(INFERENCE_QUEUE, "a chunk")
    assert not any(watchdog.look() for _ in range(deafness._LOOKS_AT_FIRST - 1)), (
        "it may still load the network"
    )
    mark_heard(home, WORKER)
    assert not any(watchdog.look() for _ in range(deafness._LOOKS)), "it took one meanwhile"
    assert watchdog.look()


def test_a_worker_that_never_takes_any_message_is_deaf_in_the_end(
    settings: Settings, home: Home, client: redis.Redis
) -> None:
    client.lpush(INFERENCE_QUEUE, "a chunk")
    watchdog = Watchdog(settings, client, INFERENCE_QUEUE, home.health / WORKER)
    assert [watchdog.look() for _ in range(deafness._LOOKS_AT_FIRST)].index(
        True
    ) == deafness._LOOKS_AT_FIRST - 1


def test_without_redis_no_worker_is_deaf(settings: Settings, home: Home) -> None:
    client = redis_client(broker_url(settings, home))
    watchdog = Watchdog(settings, client, INFERENCE_QUEUE, home.health / WORKER)
    assert not any(watchdog.look() for _ in range(deafness._LOOKS_AT_FIRST + 1))
