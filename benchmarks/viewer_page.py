"""The viewer in a browser, on loopback: `python -m benchmarks.viewer_page`.

From key to picture within a study, from click or key to the first picture of a case, and the memory of the
process that serves it all.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from statistics import median, quantiles

import psutil  # type: ignore[import-untyped]  # ships no types
from playwright.sync_api import Browser, Error, Page, sync_playwright
from rich.console import Console
from rich.table import Table

from core.home import Home
from core.ports import free_port
from core.settings import Settings
from db.engine import database_url, make_engine
from db.migrate import migrate
from db.states import Role
from services import accounts
from services.audit import Who
from services.context import Context
from services.models import record_shipped_version
from tests.drawn_studies import take_in_head
from tests.web.reading_room import PASSWORD
from training.phantoms.bleeds import Bleed

_CASES, _SLICES, _SIDE, _FIRST_SECOND_MS = 42, 40, 512, 1000
_WATCH = """
const since = () => performance.timeOrigin + performance.now();
for (const kind of ["click", "keydown"]) {
  const begins = ({ timeStamp }) => sessionStorage.setItem("begun", performance.timeOrigin + timeStamp);
  addEventListener(kind, begins, true);
}
new MutationObserver((changes) => {
  if (!changes.some((one) => one.target.id === "stage" && one.target.dataset.shown)) return;
  // After the frame that shows it.
  requestAnimationFrame(() => setTimeout(() => {
    const begun = sessionStorage.getItem("begun");
    if (begun) (window.taken ||= []).push(since() - begun);
    sessionStorage.removeItem("begun");
  }));
}).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-shown"] });
"""


def main() -> None:
    """Measure and print."""
    os.umask(0o077)
    taken: dict[str, list[float]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="headct-bench-") as folder,
        _served(Path(folder) / "home") as (address, server),
        _browser() as browser,
    ):
        before = _mb(server)
        page = _signed_in(browser, address)
        taken["click in the worklist to first picture"] = [_click(page, case) for case in range(_CASES // 2)]
        taken["key to next slice, after a second"] = [*_scroll(page)]
        taken["N to first picture, prefetched"] = [*_next(page)]
        after = _mb(server)
        taken["H to heat map"] = [*_heat(page)]
        beside = sum(_mb(child) for child in server.children())
        table = Table("ms", "n", "p50", "p95", "longest")
        for what, figures in taken.items():
            p95 = quantiles(figures, n=20)[-1]
            row = (median(figures), p95, max(figures))
            table.add_row(what, str(len(figures)), *(f"{figure:.0f}" for figure in row))
    console = Console(width=110)
    console.print(table)
    console.print(
        f"The process of the page: {before:.0f} MB at first, {after:.0f} MB after all this (resident)."
    )
    console.print(f"The process beside it, which makes heat maps and ends after a minute: {beside:.0f} MB.")


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    port = free_port("The web page", "HEADCT_WEB", "127.0.0.1", 0)
    settings = Settings(home=folder, min_free_mb=0)
    home = Home(folder)
    home.make()
    context = Context(settings, home, make_engine(database_url(settings, home)))
    migrate(context.engine)
    record_shipped_version(context)
    accounts.add(context, Who("benchmark"), "reader", Role.READER, PASSWORD)
    kinds: list[Bleed | None] = [None, *Bleed]
    for number in range(_CASES):
        take_in_head(context, number + 1, _SLICES, kinds[number % len(kinds)], _SIDE)
    environment = {**os.environ, "HEADCT_HOME": str(folder), "HEADCT_WEB_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-I", "-m", "cli", "web"], env=environment)
    try:
        yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()
        context.engine.dispose()


@contextlib.contextmanager
def _browser() -> Iterator[Browser]:
    found = next(filter(None, map(which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        sys.exit("No chromium is installed: `apt install chromium`.")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=arguments)
        yield started
        started.close()


def _signed_in(browser: Browser, address: str) -> Page:
    page = browser.new_context(base_url=address, viewport={"width": 1600, "height": 1000}).new_page()
    page.add_init_script(_WATCH)
    for _ in range(100):
        with contextlib.suppress(Error):  # it is not served yet
            page.goto("/sign-in")
            break
        time.sleep(0.1)
    page.get_by_label("Name").fill("reader")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
    return page


def _click(page: Page, case: int) -> float:
    page.goto("/")
    page.wait_for_load_state("networkidle")
    page.locator("a.open").nth(case).click()
    return _figure(page)


def _scroll(page: Page) -> Iterator[float]:
    page.goto("/")
    page.locator("a.open").nth(_CASES // 2).click()
    page.wait_for_selector("#stage[data-shown]")
    page.wait_for_timeout(_FIRST_SECOND_MS)
    page.evaluate("sessionStorage.removeItem('begun'); taken = []")
    for key in ["Home", *["ArrowDown"] * (_SLICES - 1), *["ArrowUp"] * (_SLICES - 1)] * 2:
        page.keyboard.press(key)
        yield _figure(page)


def _next(page: Page) -> Iterator[float]:
    for _ in range(_CASES // 2 - 1):
        page.wait_for_load_state("networkidle")
        page.keyboard.press("n")
        yield _figure(page)


def _heat(page: Page) -> Iterator[float]:
    page.keyboard.press("Home")
    for _ in range(20):
        began = time.perf_counter()
        page.keyboard.press("h")
        page.wait_for_selector("#heat:not([hidden])")
        yield 1000 * (time.perf_counter() - began)
        page.keyboard.press("h")
        page.keyboard.press("ArrowDown")


def _figure(page: Page) -> float:
    """What the page itself measured since the last one, in ms."""
    while True:
        with contextlib.suppress(Error):  # the next page is on its way
            if found := page.evaluate("window.taken?.shift()"):
                return float(found)
        time.sleep(0.01)


def _mb(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 2**20


if __name__ == "__main__":
    main()
