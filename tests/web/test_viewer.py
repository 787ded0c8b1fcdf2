"""What a reader does in the viewer, in a real browser: scroll, window, heat map, verdict, undo."""

import io
import re
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import text
from sqlalchemy.orm import Session

from db.audit import AuditFilter
from db.tables import Study
from services import readings, studies
from services.audit import Who, entries
from services.context import Context
from tests.browsing import sign_in
from tests.drawn_studies import head, take_in, take_in_head
from tests.web.reading_room import PASSWORD, Served
from training.phantoms.bleeds import Bleed
from training.phantoms.synthetic import generate_image

SLICES, SIDE = 9, 160
PRESETS = {"1": (80, 40), "2": (215, 75), "3": (40, 40), "4": (2800, 600)}


@pytest.fixture
def cases(context: Context) -> None:
    """Study 1 bleeds, and study 2 does not."""
    take_in_head(context, 1, SLICES, Bleed.INTRAPARENCHYMAL, SIDE)
    take_in_head(context, 2, SLICES, None, SIDE)


def windowed(hounsfield: NDArray[Any], width: float, level: float) -> NDArray[np.uint8]:
    """Grey as the window shows it, rounded half up."""
    scaled = (hounsfield.astype(np.float64) - (level - width / 2)) * 255 / width
    return np.clip(np.floor(scaled + 0.5), 0, 255).astype(np.uint8)


def canvas(tab: Page) -> NDArray[np.uint8]:
    """What stands on the canvas; red, green and blue are the same."""
    rows, columns, reds, is_grey = tab.evaluate(
        """() => { const made = document.querySelector("#picture");
        const data = made.getContext("2d").getImageData(0, 0, made.width, made.height).data;
        const reds = data.filter((_, index) => index % 4 === 0);
        const isGrey = data.every((value, index) => value === (index % 4 === 3 ? 255 : reds[index >> 2]));
        return [made.height, made.width, String.fromCharCode(...reds), isGrey]; }"""
    )
    assert is_grey
    return np.frombuffer(reds.encode("latin-1"), np.uint8).reshape(rows, columns)


def is_shown(tab: Page, place: int) -> None:
    """Wait until the slice of that place, from 0, is to be seen."""
    expect(tab.locator("#stage")).to_have_attribute("data-shown", str(place))


def test_a_reader_scrolls_windows_and_sees_the_heat_map(tab: Page, cases: None) -> None:
    drawn = [dataset.pixel_array for dataset in head(1, SLICES, Bleed.INTRAPARENCHYMAL, SIDE)]
    tab.goto("/")
    tab.locator("a.open").first.click()
    expect(tab.locator("h1")).to_have_text("A00001")
    first = tab.locator("#strip button[aria-current]")
    expect(first).to_have_class(re.compile("drives"))
    start = int(str(tab.locator("#viewer").get_attribute("data-first")))
    is_shown(tab, start)
    np.testing.assert_array_equal(canvas(tab), windowed(drawn[start], 80, 40))
    for key, place in (("End", 8), ("Home", 0), ("ArrowDown", 1), ("ArrowUp", 0), ("Shift+ArrowDown", 8)):
        tab.keyboard.press(key)
        is_shown(tab, place)
    tab.locator("#stage").hover()
    tab.mouse.wheel(0, -40)
    is_shown(tab, 7)
    tab.locator("#strip button").nth(4).click()
    is_shown(tab, 4)
    for key, (width, level) in PRESETS.items():
        tab.keyboard.press(key)
        np.testing.assert_array_equal(canvas(tab), windowed(drawn[4], width, level))
    tab.keyboard.press("i")
    np.testing.assert_array_equal(canvas(tab), 255 - windowed(drawn[4], 2800, 600))
    tab.keyboard.press("0")
    box = tab.locator("#stage").bounding_box()
    assert box
    tab.mouse.move(box["x"] + 100, box["y"] + 100)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 140, box["y"] + 90)
    tab.mouse.up()
    expect(tab.locator("#window")).to_contain_text("width 120, level 50 HU")
    np.testing.assert_array_equal(canvas(tab), windowed(drawn[4], 120, 50))
    before = tab.locator("#picture").bounding_box()
    assert before
    scale = before["width"] / SIDE
    tab.mouse.move(before["x"] + 70.5 * scale, before["y"] + 60.5 * scale)
    expect(tab.locator("#value")).to_have_text(f"{drawn[4][60, 70]} HU")
    tab.keyboard.press("+")
    larger = tab.locator("#picture").bounding_box()
    assert larger
    assert larger["width"] > before["width"]
    tab.keyboard.press("h")
    expect(tab.locator("#heat-told")).to_contain_text("default-6")
    expect(tab.locator("#heat")).to_be_visible()
    over = tab.locator("#heat").bounding_box()
    assert over
    assert over == pytest.approx(larger)
    tab.keyboard.press("h")
    expect(tab.locator("#heat")).to_be_hidden()


def test_a_picture_without_hounsfield_units_says_so(tab: Page, context: Context) -> None:
    grey = generate_image(3, None, (160, 160)).image
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "PNG")
    take_in(context, [("a.png", file.getvalue())])
    tab.goto("/images/1")
    is_shown(tab, 0)
    expect(tab.locator("#window")).to_contain_text("no Hounsfield units")
    expect(tab.get_by_role("button", name="Bone")).to_be_disabled()
    np.testing.assert_array_equal(canvas(tab), grey)
    tab.keyboard.press("]")
    np.testing.assert_array_equal(canvas(tab), windowed(grey, 260, 127.5))


def test_a_verdict_goes_to_the_next_case_and_can_be_undone(tab: Page, room: Served, cases: None) -> None:
    context = room.context
    tab.goto("/studies/1?sort=received")
    is_shown(tab, int(str(tab.locator("#viewer").get_attribute("data-first"))))
    tab.keyboard.press("t")
    tab.keyboard.type("motion")
    tab.keyboard.press("Escape")
    tab.keyboard.press("d")
    expect(tab.get_by_role("dialog")).to_contain_text("What is it instead?")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/studies/2?sort=received")
    (said,) = studies.show(context, "id=1").readings
    assert (said.label, said.reader, said.note) == ("normal", "ann", "motion")
    assert studies.show(context, "id=1").row.reader_label == "normal"
    expect(tab.locator("#done")).to_contain_text("A00001: normal")
    tab.keyboard.press("u")
    tab.wait_for_url("**/studies/1?sort=received")
    assert studies.show(context, "id=1").row.reader_label is None
    expect(tab.locator("#done")).to_contain_text("Taken back: A00001: normal")
    assert tab.locator("#note").input_value() == "motion"
    tab.keyboard.press("n")
    tab.wait_for_url("**/studies/2?sort=received")
    is_shown(tab, int(str(tab.locator("#viewer").get_attribute("data-first"))))
    tab.keyboard.press("m")
    tab.get_by_role("dialog").get_by_role("button", name="Hemorrhage").click()
    expect(tab.locator("#strip button[aria-current] .mark")).to_contain_text("hemorrhage (ann)")
    expect(tab.locator("#done")).to_contain_text("U undoes")
    tab.get_by_role("button", name=re.compile("^Agree")).click()
    expect(tab.locator("#done")).to_contain_text("last case")
    tab.keyboard.press("n")
    tab.wait_for_url("**/?sort=received")
    done = [(one.action, one.subject, one.detail) for one in entries(context, AuditFilter(account="ann"))]
    assert ("read", "study 1", "normal") in done
    assert ("undo", "study 1", "normal") in done
    assert ("look", "study 2", None) in done


def test_a_slice_whose_file_is_gone_says_so_in_its_place(tab: Page, room: Served, cases: None) -> None:
    stored = studies.show(room.context, "id=1").slices[2].source
    assert stored
    room.context.home.bytes_path(stored.sha256).unlink()
    tab.goto("/studies/1")
    is_shown(tab, int(str(tab.locator("#viewer").get_attribute("data-first"))))
    tab.locator("#strip button").nth(2).click()
    expect(tab.locator("#missing")).to_contain_text("cannot be read")
    expect(tab.locator("#picture")).to_be_hidden()
    tab.keyboard.press("ArrowDown")
    is_shown(tab, 3)
    expect(tab.locator("#missing")).to_be_hidden()


def test_others_and_new_images_are_told_and_nothing_moves(tab: Page, room: Served, cases: None) -> None:
    tab.clock.install()
    tab.goto("/studies/1")
    is_shown(tab, int(str(tab.locator("#viewer").get_attribute("data-first"))))
    tab.keyboard.press("End")
    is_shown(tab, SLICES - 1)
    expect(tab.locator("#readings")).to_contain_text("Nobody has read it yet")
    readings.record_study(room.context, 1, "normal", Who("bob"), "small")
    with Session(room.context.engine) as session, session.begin():
        session.get_one(Study, 1).state = "open"
    tab.clock.fast_forward(16_000)
    expect(tab.locator("#other")).to_have_text("bob says normal.")
    expect(tab.locator("#changed")).to_contain_text("open again")
    expect(tab.locator("#readings")).to_contain_text("small")
    is_shown(tab, SLICES - 1)


def test_a_session_that_ended_keeps_the_note(tab: Page, cases: None) -> None:
    tab.goto("/studies/1")
    is_shown(tab, int(str(tab.locator("#viewer").get_attribute("data-first"))))
    tab.locator("#note").fill("left convexity")
    tab.context.clear_cookies()
    tab.keyboard.press("Escape")
    tab.keyboard.press("d")
    tab.keyboard.press("Enter")
    expect(tab.locator("#problem")).to_contain_text("The note is kept.")
    assert tab.locator("#note").input_value() == "left convexity"
    other = tab.context.new_page()
    sign_in(other, "ann", PASSWORD)
    tab.keyboard.press("d")
    tab.keyboard.press("Enter")
    expect(tab.locator("#problem")).to_contain_text("of an earlier session")
    tab.locator("#problem a").click()
    is_shown(tab, int(str(tab.locator("#viewer").get_attribute("data-first"))))
    assert tab.locator("#note").input_value() == "left convexity"


def test_a_database_that_is_away_costs_no_verdict(tab: Page, room: Served, cases: None) -> None:
    tab.goto("/studies/1")
    is_shown(tab, int(str(tab.locator("#viewer").get_attribute("data-first"))))
    tab.wait_for_load_state("networkidle")
    tab.locator("#note").fill("shunt")
    tab.keyboard.press("Escape")
    with room.context.engine.begin() as connection:
        connection.execute(text("ALTER TABLE reading RENAME TO away"))
    tab.keyboard.press("d")
    tab.keyboard.press("Enter")
    expect(tab.locator("#problem")).to_contain_text("The database does not answer")
    tab.keyboard.press("Home")
    is_shown(tab, 0)
    with room.context.engine.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO reading"))
    tab.keyboard.press("d")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/studies/2")
    (said,) = studies.show(room.context, "id=1").readings
    assert said.note == "shunt"


def test_a_note_that_is_written_before_the_first_picture_stays(tab: Page, cases: None) -> None:
    tab.route("**/pixels*", lambda _: None)  # none comes
    tab.goto("/studies/1")
    tab.locator("#note").fill("left convexity")
    tab.unroute("**/pixels*")  # which lets go on what was asked
    is_shown(tab, int(str(tab.locator("#viewer").get_attribute("data-first"))))
    assert tab.locator("#note").input_value() == "left convexity"


def test_the_keyboard_reaches_everything_and_axe_finds_no_serious_fault(tab: Page, cases: None) -> None:
    tab.goto("/studies/1")
    is_shown(tab, int(str(tab.locator("#viewer").get_attribute("data-first"))))
    tab.keyboard.press("?")
    expect(tab.get_by_role("dialog", name="Keys")).to_be_visible()
    serious = [*_serious(tab)]
    tab.keyboard.press("Escape")
    serious += _serious(tab)
    tab.emulate_media(color_scheme="dark")
    serious += _serious(tab)
    assert not serious
    wanted = set(
        tab.locator("#viewer :is(button:not(#strip button, dialog button), textarea)").all_inner_texts()
    )
    reached = set()
    for _ in range(60):
        tab.keyboard.press("Tab")
        reached.add(tab.evaluate("document.activeElement.innerText"))
    assert wanted <= reached
    assert any(re.match(r"\d+", str(said)) for said in reached), "a slice of the strip"


def _serious(tab: Page) -> list[str]:
    found = Axe().run(tab).response["violations"]
    return [one["id"] for one in found if one["impact"] in {"serious", "critical"}]
