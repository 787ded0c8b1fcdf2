"""Redis dies, hangs, forgets everything or refuses to be written; arrivals are recorded all the same."""

import contextlib
import time
from collections.abc import Iterator

import pytest

from core.queues import INFERENCE_QUEUE
from tests.faults.system import System
from tests.faults.trials import Trial, Trials
from tests.processes import run_headct, wait_until

_BACK_S = 60


@contextlib.contextmanager
def down(system: System) -> Iterator[None]:
    """Redis is killed and not started again until the block ends, since its supervisor stands still."""
    process = system.part("redis")
    with system.suspended("up"):
        process.kill()
        yield


def outlast(trial: Trial, seconds: float) -> None:
    """What arrives while Redis is of no use is recorded; then that time passes."""
    ends = time.monotonic() + seconds
    trial.drop(8)
    trial.wait_until_recorded()
    time.sleep(max(0.0, ends - time.monotonic()))
    trial.over()


@pytest.mark.usefixtures("full_form")
def test_redis_hangs(system: System, trials: Trials) -> None:
    seconds = 30
    for trial in trials.of(f"Redis: SIGSTOP, {seconds} s", system, within_s=_BACK_S):
        with trial.arriving(per_second=20):
            trial.pause(1)
            with system.suspended("redis"):
                outlast(trial, seconds)


@pytest.mark.usefixtures("full_form")
def test_redis_refuses_to_be_written(system: System, trials: Trials) -> None:
    seconds = 20
    for trial in trials.of(f"Redis: refuses writes (maxmemory), {seconds} s", system, within_s=_BACK_S):
        server = system.redis()
        before = server.config_get("maxmemory")["maxmemory"]
        with trial.arriving(per_second=20):
            trial.pause(1)
            server.config_set("maxmemory", 1)
            said = run_headct(system.home, "status").stdout
            assert "Redis takes no messages" in " ".join(said.split())
            outlast(trial, seconds)
            server.config_set("maxmemory", before)


@pytest.mark.usefixtures("full_form")
def test_redis_is_killed(system: System, trials: Trials) -> None:
    for trial in trials.of("Redis: SIGKILL", system, within_s=_BACK_S):
        with trial.arriving(per_second=30):
            trial.pause(2)
            trial.over()
            system.part("redis").kill()


@pytest.mark.usefixtures("full_form")
def test_redis_is_down_for_a_minute(system: System, trials: Trials) -> None:
    for trial in trials.of("Redis: down, 60 s", system, within_s=_BACK_S):
        with trial.arriving(per_second=5):
            trial.pause(1)
            with down(system):
                outlast(trial, 60)


def test_redis_forgets_everything(system: System, trials: Trials) -> None:
    server = system.redis()
    for trial in trials.of("Redis: FLUSHALL", system, within_s=_BACK_S):
        with trial.arriving(per_second=30):
            trial.pause(2)
            wait_until(
                lambda: server.llen(INFERENCE_QUEUE) or server.hlen("unacked"),
                every_s=0.002,
                what="Redis holds a chunk",
            )
            trial.over()
            server.flushall()


@pytest.mark.usefixtures("full_form")
def test_redis_loses_its_file(system: System, trials: Trials) -> None:
    file = system.home.redis / "appendonly.aof"
    for trial in trials.of("Redis: its file lost", system, within_s=_BACK_S):
        with trial.arriving(per_second=30):
            trial.pause(2)
            wait_until(lambda: file.exists() and file.stat().st_size, what="there is something to lose")
            with down(system):
                file.unlink()
                trial.over()
