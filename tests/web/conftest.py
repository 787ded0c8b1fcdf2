"""The reading room, and a browser where there is one."""

from collections.abc import Generator, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine

from core.home import Home
from core.settings import Settings
from services.context import Context
from tests.browsing import tab_of
from tests.web.reading_room import PASSWORD, Served, served

_FAILED = pytest.StashKey[bool]()
_PICTURES = Path(__file__).with_name("failed")


@pytest.fixture
def context(settings: Settings, home: Home, sqlite_engine: Engine) -> Context:
    return Context(settings, home, sqlite_engine)


@pytest.fixture
def room(context: Context) -> Iterator[Served]:
    """The page, with accounts `ann` and `bob` (readers) and `root` (admin)."""
    with served(context) as room:
        yield room


@pytest.fixture
def ann(room: Served) -> Iterator[httpx.Client]:
    """A reader who has signed in."""
    with room.client("ann") as client:
        yield client


@pytest.fixture
def root(room: Served) -> Iterator[httpx.Client]:
    """An admin who has signed in."""
    with room.client("root") as client:
        yield client


@pytest.fixture
def tab(browser: Browser, room: Served, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab in which ann has signed in. Of a test that fails, it leaves a picture."""
    with tab_of(browser, room.address, "ann", PASSWORD) as page:
        yield page
        if request.node.stash.get(_FAILED, False):
            page.screenshot(path=_PICTURES / f"{request.node.name}.png")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "call":
        item.stash[_FAILED] = report.failed
    return report
