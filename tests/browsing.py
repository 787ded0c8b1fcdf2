"""A real browser, where there is one."""

import contextlib
import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

_CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_PATIENCE_MS = 20_000
expect.set_options(timeout=_PATIENCE_MS)  # else 5 s, which a busy machine does not keep


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Chromium without a screen; without one the test is left out, or fails where one is required."""
    if _CHROMIUM is None:
        missing = "no browser: `apt install chromium` lets the tests of the web page run"
        if os.environ.get("HEADCT_TEST_BROWSER") == "required":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=arguments)
        yield browser
        browser.close()


@contextlib.contextmanager
def tab_of(browser: Browser, address: str, name: str, password: str) -> Iterator[Page]:
    """A tab in which somebody has signed in; it fails the test if a page's script fails."""
    context = browser.new_context(base_url=address)
    context.set_default_timeout(_PATIENCE_MS)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    sign_in(page, name, password)
    yield page
    context.close()
    assert not errors


def sign_in(page: Page, name: str, password: str) -> None:
    """Sign in as a person does."""
    page.goto("/sign-in")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
