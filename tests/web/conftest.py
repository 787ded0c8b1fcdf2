"""The reading room, and a browser where there is one."""

import os
import shutil
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import Engine

from core.home import Home
from core.settings import Settings
from services.context import Context
from tests.web.reading_room import PASSWORD, Served, served

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


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


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a screen."""
    if CHROMIUM is None:
        if os.environ.get("HEADCT_TEST_BROWSER") == "required":
            pytest.fail("no chromium is installed: `apt install chromium`")
        pytest.skip("no browser: `apt install chromium` lets these tests run")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield started
        started.close()


@pytest.fixture
def tab(browser: Browser, room: Served) -> Iterator[Page]:
    """A tab in which ann has signed in; it fails the test if a page's script fails."""
    context = browser.new_context(base_url=room.address)
    context.set_default_timeout(10_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    sign_in(page, "ann")
    yield page
    context.close()
    assert not errors


def sign_in(page: Page, name: str) -> None:
    """Sign in as a person does."""
    page.goto("/sign-in")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
