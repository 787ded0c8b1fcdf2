"""A reader's morning in the running system: a study is uploaded, found, read, and seen by the commands."""

import contextlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser

from tests.browsing import tab_of
from tests.faults.system import System
from tests.faults.trials import Files
from tests.processes import run_headct, wait_until

_UID, _SLICES, _NAME = "1.2.840.99", 6, "Doe^Jane"


def test_a_zip_is_uploaded_read_and_taken_back(
    system: System, browser: Browser, synthetic_images: Path, tmp_path: Path
) -> None:
    files = Files(sorted(synthetic_images.rglob("*.png")))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number, data in enumerate(files.slices_of(_UID, range(_SLICES))):
            archive.writestr(f"{_NAME}/IM{number}", data)
    (tmp_path / "study.zip").write_bytes(packed.getvalue())
    address = f"http://127.0.0.1:{system.web_port}"
    wait_until(lambda: answers(address), what="the page is served")
    password = (system.home.secrets / "admin_password").read_text()
    with tab_of(browser, address, "admin", password) as tab:
        tab.goto("/upload")
        tab.locator("#files").set_input_files(tmp_path / "study.zip")
        tab.get_by_text(f"unpacked: {_SLICES} classified").wait_for()
        tab.get_by_text("1 file: 1 done.").wait_for()
        wait_until(lambda: study(system, study_uid=_UID), what="the study is final")
        tab.goto("/?sort=received&order=down")
        link = tab.get_by_role("link", name=f"Study {study(system, study_uid=_UID)['study_id']}", exact=True)
        link.click()
        tab.locator("#stage[data-shown]").wait_for()
        tab.keyboard.press("d")
        tab.get_by_role("dialog").wait_for()
        tab.keyboard.press("Enter")
        wait_until(lambda: read(system), what="the verdict is recorded")
        assert "admin" in run_headct(system.home, "studies", "show", _UID).stdout
        tab.locator("#done").wait_for()
        tab.keyboard.press("u")
        wait_until(lambda: not read(system), what="the verdict is taken back")
        tab.goto("/system")
        tab.get_by_text("are well.").wait_for()
    actions = run_headct(system.home, "audit", "--format", "csv").stdout
    assert all(action in actions for action in ("upload", "look", "read", "undo", "sign in"))
    assert _NAME not in actions


def answers(address: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{address}/sign-in").is_success
    return False


def read(system: System) -> bool:
    return study(system, study_uid=_UID)["reader_label"] is not None


def study(system: System, **wanted: object) -> dict[str, Any]:
    """The final study with these facts; empty where there is none."""
    rows = json.loads(run_headct(system.home, "studies", "--format", "json").stdout)
    fitting = [row for row in rows if row["state"] == "final" and wanted.items() <= row.items()]
    return fitting[0] if fitting else {}
