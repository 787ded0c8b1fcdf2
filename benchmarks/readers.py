"""Readers beside a machine that classifies at full speed, and pages that only stand open.

`python -m benchmarks.readers`. The readers run on the same cores: what they cost counts as the system does.
"""

import http.client
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from multiprocessing.synchronize import Event
from pathlib import Path
from shutil import which
from statistics import median
from urllib.parse import quote

import httpx
import psutil  # type: ignore[import-untyped]  # ships no types
from playwright.sync_api import sync_playwright
from rich.console import Console

from benchmarks.dicom_images import DicomSource
from benchmarks.images import FileSource, ImageSource
from benchmarks.system import RunningSystem, running_system
from benchmarks.throughput import through_system
from core.ports import free_port
from tests.web.reading_room import csrf_of

_READERS, _ROUNDS, _FILES = 10, 5, 2000
_CASES, _SLICES = 12, 30
_CASE_S, _LOOK_S, _WATCH_S = 20.0, 10.0, 60.0
"""A reader goes to the next case, and the worklist looks for what is new, so often."""


def main() -> None:
    """Measure and print."""
    os.umask(0o077)
    port = free_port("The web page", "HEADCT_WEB", "127.0.0.1", 0)
    with tempfile.TemporaryDirectory(prefix="headct-bench-") as folder:
        scratch, source = Path(folder) / "scratch", ImageSource()
        scratch.mkdir()
        first = source.write(scratch, 1)[0].read_bytes()
        with running_system(
            Path(folder) / "home", first, HEADCT_WEB_PORT=str(port), HEADCT_STUDY_SETTLE_SECONDS="1"
        ) as system:
            cases = _cases(system, scratch)
            address = f"127.0.0.1:{port}"
            password = (system.home.secrets / "admin_password").read_text()
            cookie = _sign_in(address, password)
            through_system(system, source.write(scratch, _FILES // 4))
            ratios = [*_rounds(system, source, scratch, address, cookie, cases)]
            web = next(one for one in system.processes() if one.cmdline()[-1:] == ["web"])
            idle = _idle(web, address, password, cases)
            memory = web.memory_full_info().pss / 2**20
    console = Console(width=110)
    console.print(
        f"{_READERS} readers, each a case of {_SLICES} slices every {_CASE_S:g} s: throughput "
        f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) of that without, {_ROUNDS} rounds"
    )
    console.print(f"{_READERS} browsers with a page open: the web process takes {100 * idle:.2f} % of a core")
    console.print(f"It holds {memory:.0f} MiB (PSS)")


def _cases(system: RunningSystem, scratch: Path) -> Sequence[int]:
    """Ids of studies of DICOM files."""
    source = DicomSource()
    for _ in range(_CASES):
        source.begin_study()
        through_system(system, source.write(scratch, _SLICES))
    while system.count("SELECT count(*) FROM study WHERE state = 'final'") < _CASES:
        time.sleep(0.2)
    return range(1, _CASES + 1)


def _sign_in(address: str, password: str) -> str:
    with httpx.Client(base_url=f"http://{address}") as client:
        token = csrf_of(client.get("/sign-in").text)
        answer = client.post("/sign-in", data={"csrf": token, "name": "admin", "password": password})
        return answer.headers["set-cookie"].partition(";")[0]


def _rounds(
    system: RunningSystem,
    source: FileSource,
    scratch: Path,
    address: str,
    cookie: str,
    cases: Sequence[int],
) -> Iterator[float]:
    """Throughput with readers over that right before and right after without them."""
    for _ in range(_ROUNDS):
        before = through_system(system, source.write(scratch, _FILES))
        context = multiprocessing.get_context("spawn")
        stop, begun = context.Event(), context.Event()
        readers = context.Process(target=_read, args=(address, cookie, list(cases), begun, stop))
        readers.start()
        begun.wait()
        beside = through_system(system, source.write(scratch, _FILES))
        stop.set()
        readers.join()
        if readers.exitcode:
            sys.exit("A reader got no answer.")
        after = through_system(system, source.write(scratch, _FILES))
        yield 2 * beside / (before + after)


def _read(address: str, cookie: str, cases: Sequence[int], begun: Event, stop: Event) -> None:
    """What the browsers of ten readers ask, one after another, evenly over the time."""
    connection = http.client.HTTPConnection(address, timeout=60)

    def ask(path: str) -> bytes:
        connection.request("GET", path, headers={"Cookie": cookie, "Accept-Encoding": "gzip", "X-Live": "1"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise SystemExit(f"{path}: {answer.status}")
        return body

    turn = 0
    pixels: dict[int, list[str]] = {}
    begun.set()
    while not stop.is_set():
        began = time.monotonic()
        case = cases[turn % len(cases)]
        if turn % round(_CASE_S / _LOOK_S) == 0:  # each of them looks so often before the next case
            page = ask(f"/studies/{case}").decode()
            for path in pixels.setdefault(case, _pixels_of(page)):
                ask(path)
        ask("/?part=rows")
        turn += 1
        stop.wait(max(0.0, _LOOK_S / _READERS - (time.monotonic() - began)))


def _pixels_of(page: str) -> list[str]:
    """The addresses of the slices, as the page of a study has them."""
    paths = (part.partition('"')[0].replace("&amp;", "&") for part in page.split('data-pixels="')[1:])
    return [path for path in paths if path]


def _idle(web: psutil.Process, address: str, password: str, cases: Sequence[int]) -> float:
    """Share of a core that the process takes while ten browsers have a page open."""
    pages = ["/"] * (_READERS - 3) + [f"/studies/{cases[0]}", f"/studies/{cases[1]}", "/system"]
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=which("chromium"), args=arguments)
        for path in pages:
            page = browser.new_context(base_url=f"http://{address}").new_page()
            page.goto(f"/sign-in?next={quote(path)}")
            page.get_by_label("Name").fill("admin")
            page.get_by_label("Password").fill(password)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(f"**{path}")
        time.sleep(_LOOK_S)
        before = web.cpu_times()
        time.sleep(_WATCH_S)
        after = web.cpu_times()
        browser.close()
    return float(after.user + after.system - before.user - before.system) / _WATCH_S


if __name__ == "__main__":
    main()
