"""Real servers and processes of headct, each under a home of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from prometheus_client.parser import text_string_to_metric_families

from core.broker import broker_url, queue_depth, redis_client
from core.errors import BrokerUnusable
from core.home import Home
from core.queues import INFERENCE_QUEUE
from core.settings import Settings

HEADCT = str(Path(sys.executable).with_name("headct"))
PATIENCE_S = 120
_ANY_PORTS = {"HEADCT_METRICS_PORT": "0", "HEADCT_WEB_PORT": "0"}
_T = TypeVar("_T")


def wait_until(
    condition: Callable[[], _T | None], seconds: float = PATIENCE_S, *, what: str = "", every_s: float = 0.05
) -> _T:
    """Look again and again, with pauses of `every_s`, until there is something true, which is returned.

    Fails, saying what was awaited, if there never is.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or condition}"
        time.sleep(every_s)
    return found


@contextlib.contextmanager
def repeating(action: Callable[[], object], per_second: float) -> Iterator[None]:
    """Something is done again and again beside the block, until it ends."""
    stop = threading.Event()

    def repeat() -> None:
        while not stop.wait(1 / per_second):
            action()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def peak_memory(pid: int) -> int:
    """The most memory that a process ever held, in bytes (VmHWM of proc(5))."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def scrape(port: int) -> dict[str, float]:
    """Every sample of the metrics on that port by its name with labels, as Prometheus reads them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {
        sample.name + "".join(f"{{{name}={value}}}" for name, value in sorted(sample.labels.items())): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def start_headct(
    home: Home, *arguments: str, python: Path | None = None, **environment: str
) -> subprocess.Popen[bytes]:
    """`headct ARGUMENTS` as a process of its own; its output goes to `logs/<first argument>.out`.

    With another interpreter if one is named.
    """
    command = [str(python), "-I", "-m", "cli"] if python else [HEADCT]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("HEADCT_")}
    with (home.logs / f"{arguments[0]}.out").open("ab") as output:
        return subprocess.Popen(
            [*command, *arguments],
            env={**variables, "HEADCT_HOME": str(home.root), **_ANY_PORTS, **environment},
            cwd=home.root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


@contextlib.contextmanager
def headct_process(home: Home, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """As `start_headct`; it is stopped at the end."""
    process = start_headct(home, *arguments, **environment)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


@contextlib.contextmanager
def redis_process(settings: Settings, home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """The embedded Redis, answering."""
    client = redis_client(broker_url(settings, home))

    def answers() -> bool:
        with contextlib.suppress(BrokerUnusable):
            return queue_depth(client, INFERENCE_QUEUE) >= 0
        return False

    with headct_process(home, "redis") as process:
        wait_until(answers, what="Redis answers")
        yield process


def run_headct(home: Home, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`headct ARGUMENTS`, ended."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("HEADCT_")}
    return subprocess.run(
        [HEADCT, *arguments],
        env={**variables, "HEADCT_HOME": str(home.root), **_ANY_PORTS, **environment},
        cwd=home.root.parent,
        capture_output=True,
        text=True,
        timeout=300,  # a training run that is followed, beside other tests
        check=False,
    )
