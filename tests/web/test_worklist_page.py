"""The worklist in a browser, and the JSON twin of it."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import msgspec
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from sqlalchemy.orm import Session

from db.arrivals import NewArrival, record_arrivals
from db.readings import record_study_reading
from services.context import Context
from tests.web.reading_room import add_image, add_study, dicom_bytes, served

HEADS = [np.full((64, 64), value, np.int16) for value in range(0, 60, 10)]


def keys(page: Page) -> list[str | None]:
    return [row.get_attribute("data-key") for row in page.locator("#worklist tbody tr").all()]


@pytest.fixture
def cases(context: Context) -> dict[str, int]:
    """Studies and an image, by what is said of them."""
    bleeds = add_study(context, "1.2.1", [dicom_bytes(HEADS[0])], probability=0.9, accession_number="A1")
    normal = add_study(context, "1.2.2", [dicom_bytes(HEADS[1])], probability=0.1, accession_number="A2")
    urgent = add_study(
        context, "1.2.3", [dicom_bytes(HEADS[2])], probability=0.2, accession_number="B3", stat=True
    )
    alone = add_image(context, "<b>Doe</b>.png", b"not looked at", 0.7)
    return {"bleeds": bleeds, "normal": normal, "urgent": urgent, "alone": alone}


def test_the_most_urgent_comes_first_and_what_was_read_last(cases: dict[str, int], tab: Page) -> None:
    tab.goto("/")
    order = [f"s{cases['urgent']}", f"s{cases['bleeds']}", f"i{cases['alone']}", f"s{cases['normal']}"]
    assert keys(tab) == order
    assert "Doe" not in tab.content()  # names are hidden, unless a setting shows them
    assert Axe().run(tab).violations_count == 0


def test_a_filter_stands_in_the_address(cases: dict[str, int], tab: Page) -> None:
    tab.goto("/")
    tab.get_by_label("Label").select_option("hemorrhage")
    tab.get_by_role("button", name="Filter").click()
    assert "label=hemorrhage" in tab.url
    assert keys(tab) == [f"s{cases['bleeds']}", f"i{cases['alone']}"]
    tab.get_by_label("Accession number").fill("a1")
    tab.get_by_role("button", name="Filter").click()
    assert keys(tab) == [f"s{cases['bleeds']}"]
    tab.get_by_role("link", name="Clear").click()
    tab.get_by_role("link", name="Probability").click()
    assert keys(tab)[0] == f"s{cases['bleeds']}"
    assert tab.locator("th[aria-sort=descending]").inner_text() == "Probability"


def test_what_has_no_place_in_an_order_is_counted(cases: dict[str, int], ann: httpx.Client) -> None:
    everything = ann.get("/").text
    assert "Not listed in this order" not in everything
    page = ann.get("/?sort=study_time").text
    listed = page.count('<tr data-key="s') + page.count('<tr data-key="i')
    assert 0 < 4 - listed <= 4
    assert f"Not listed in this order: {4 - listed} without a study time." in page
    assert ann.get("/api/v1/studies?sort=study_time").json()["left_out"] == 3 - page.count('<tr data-key="s')


def test_it_refreshes_by_itself_and_moves_nothing_under_the_keyboard(
    cases: dict[str, int], tab: Page, context: Context
) -> None:
    tab.clock.install()
    tab.goto("/")
    tab.mouse.move(5, 5)
    before = keys(tab)
    tab.keyboard.press("j")  # the first row has the keyboard
    new = add_study(context, "1.2.9", [dicom_bytes(HEADS[3])], probability=0.99, stat=True)
    with Session(context.engine) as session, session.begin():
        record_study_reading(session, cases["bleeds"], "normal", "bob", None)
    tab.clock.fast_forward(11_000)  # in ms: it looks every 10 s
    tab.locator("#refresh").wait_for(state="visible")
    assert keys(tab) == before
    assert "normal" in tab.locator(f"tr[data-key=s{cases['bleeds']}] td:nth-child(9)").inner_text()
    tab.keyboard.press("r")
    assert keys(tab)[0] == f"s{new}"
    assert keys(tab)[-1] == f"s{cases['bleeds']}"
    assert tab.evaluate("document.activeElement.closest('tr').dataset.key") == before[0]


@pytest.mark.parametrize(
    "words", ["label=evil", "since=yesterday", "page=0", "page=x", "sort=name", "search=" + 65 * "x"]
)
def test_an_address_that_cannot_be_read_says_what_is_wrong(ann: httpx.Client, words: str) -> None:
    for path in ("/", "/api/v1/studies"):
        answer = ann.get(f"{path}?{words}")
        assert answer.status_code == 400
        assert words.partition("=")[0] in answer.text.lower()


def test_an_image_that_goes_before_others_says_so(context: Context, ann: httpx.Client) -> None:
    image = add_image(context, "1.png", b"some bytes", 0.7)
    assert "STAT</span>" not in ann.get("/").text
    with Session(context.engine) as session, session.begin():
        again = NewArrival(hashlib.sha256(b"some bytes").hexdigest(), 10, "stat/1.png", None, stat=True)
        record_arrivals(session, [again])
    row = ann.get("/").text.partition(f'data-key="i{image}"')[2]
    assert "STAT</span>" in row.partition("</tr>")[0]


def test_the_interface_gives_the_same_studies(cases: dict[str, int], ann: httpx.Client) -> None:
    found = ann.get("/api/v1/studies").json()
    assert [study["study_id"] for study in found["studies"]] == [
        cases["urgent"],
        cases["bleeds"],
        cases["normal"],
    ]
    assert found["matching"] == 3
    one = ann.get(f"/api/v1/studies/{cases['bleeds']}").json()
    assert one["study"]["accession_number"] == "A1"
    assert one["slices"][0]["drives"]
    today = datetime.now(UTC).astimezone().date().isoformat()
    assert len(ann.get(f"/api/v1/studies?since={today}&until={today}").json()["studies"]) == 3
    assert ann.get("/api/v1/studies?until=2020-01-01").json()["studies"] == []


def test_names_are_shown_where_the_setting_allows(context: Context) -> None:
    add_image(context, "Doe.png", b"some bytes", 0.7)
    with served(context) as room, room.client("ann") as ann:
        assert ann.get("/api/v1/results").json()["results"][0]["source_name"] is None
        assert "Doe" not in ann.get("/").text
    shown = msgspec.structs.replace(context.settings, web_names="admins")
    with (
        served(replace(context, settings=shown)) as room,
        room.client("root") as root,
        room.client("ann") as ann,
    ):
        assert root.get("/api/v1/results").json()["results"][0]["source_name"] == "Doe.png"
        assert "Doe.png" in root.get("/?search=doe").text
        assert "Doe" not in ann.get("/?search=doe").text
