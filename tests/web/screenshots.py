"""The pictures of the README: `make screenshots`. Heads are drawn, readings made up."""

import os
import random
import tempfile
from datetime import timedelta
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page
from sqlalchemy import update
from sqlalchemy.orm import Session

from core.home import Home
from core.settings import Settings
from db.engine import database_url, make_engine, now
from db.migrate import migrate
from db.readings import record_reading, record_study_reading
from db.tables import Prediction, Reading, StudyResult
from services.context import Context
from services.models import record_shipped_version
from services.studies import show
from tests.browsing import chromium, tab_of
from tests.drawn_studies import take_in_head
from tests.web.reading_room import PASSWORD, served
from training.phantoms.bleeds import Bleed

_PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
_HEADS, _SLICES, _SIDE, _WEEKS, _SEED = 24, 16, 512, 6, 7
_URGENT = 15
_KINDS: list[Bleed | None] = [None, Bleed.INTRAPARENCHYMAL, None, Bleed.SUBDURAL, None, Bleed.EPIDURAL]
_COLOURS = 160
"""Of a picture: enough for greys and labels, a quarter of the bytes."""


def main() -> None:
    """Draw, read, take the pictures."""
    os.umask(0o077)
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        home.make()
        settings = Settings(home=home.root)
        context = Context(settings, home, make_engine(database_url(settings, home)))
        migrate(context.engine)
        record_shipped_version(context)
        chance = random.Random(_SEED)  # noqa: S311 - no secret
        for number in range(1, _HEADS + 1):
            take_in_head(
                context, number, _SLICES, _KINDS[number % len(_KINDS)], _SIDE, stat=number == _URGENT
            )
        for number in range(1, _HEADS + 1):
            _move_back(context, number, timedelta(weeks=number % _WEEKS, hours=number))
            if number % 5:
                _read(context, number, chance)
        with (
            served(context) as room,
            chromium() as browser,
            tab_of(browser, room.address, "ann", PASSWORD) as tab,
        ):
            _take(tab)


def _move_back(context: Context, study_id: int, age: timedelta) -> None:
    """So that the quality has weeks to show."""
    images = [one.image.image_id for one in show(context, f"id={study_id}").slices]
    with Session(context.engine) as session, session.begin():
        session.execute(
            update(Prediction).where(Prediction.image_id.in_(images)).values(classified_at=now() - age)
        )
        session.execute(
            update(StudyResult).where(StudyResult.study_id == study_id).values(finalised_at=now() - age)
        )


def _read(context: Context, number: int, chance: random.Random) -> None:
    """Say what was drawn, as a reader who is seldom wrong."""
    bleeds = _KINDS[number % len(_KINDS)] is not None
    said = "hemorrhage" if bleeds != (chance.random() < 0.05) else "normal"
    study = show(context, f"id={number}")
    reader = chance.choice(["ann", "bob"])
    with Session(context.engine) as session, session.begin():
        record_study_reading(session, number, said, reader, None)
        for one in study.slices:
            if one.image.image_id and one.image.label in {"normal", "hemorrhage"}:
                truth = said if one.drives or said == "normal" else one.image.label
                record_reading(session, one.image.image_id, truth, reader, None)
        moment = now() - timedelta(weeks=number % _WEEKS, hours=number - 1)
        session.execute(
            update(Reading).where(Reading.read_at > now() - timedelta(minutes=5)).values(read_at=moment)
        )


def _take(tab: Page) -> None:
    tab.set_viewport_size({"width": 1280, "height": 800})
    _PICTURES.mkdir(parents=True, exist_ok=True)
    tab.goto("/")
    tab.wait_for_load_state("networkidle")
    _keep(tab, "worklist")
    tab.emulate_media(color_scheme="dark")
    tab.locator("a.open").nth(1).click()
    tab.locator("#stage[data-shown]").wait_for()
    tab.keyboard.press("h")
    tab.locator("#heat").wait_for()
    tab.wait_for_load_state("networkidle")
    _keep(tab, "viewer")
    tab.emulate_media(color_scheme="light")
    tab.goto("/quality")
    _keep(tab, "quality")


def _keep(tab: Page, name: str) -> None:
    path = _PICTURES / f"{name}.png"
    tab.screenshot(path=path)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    path.chmod(0o644)


if __name__ == "__main__":
    main()
