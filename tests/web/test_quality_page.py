"""The page of quality: model beside readers, drift, and where two readers disagree."""

from datetime import timedelta

import httpx
import pytest
from sqlalchemy.orm import Session

from db.engine import now
from db.readings import record_reading, record_study_reading
from models.store import shipped_model
from services.context import Context
from tests.web.reading_room import add_image, add_study
from web.charts import Point, Series, chart

VERSION = shipped_model().card.version


@pytest.fixture
def study_id(context: Context) -> int:
    """A study that the model calls hemorrhage; ann agrees, bob, who reads it last, does not."""
    study_id = add_study(context, "1.2.3", [b"one", b"two"], probability=0.93, accession_number="A17")
    with Session(context.engine) as session, session.begin():
        record_study_reading(session, study_id, "hemorrhage", "ann", None)
        record_study_reading(session, study_id, "normal", "bob", None)
    return study_id


def test_a_disagreement_is_told_with_its_interval_and_baseline(ann: httpx.Client, study_id: int) -> None:
    shown = " ".join(ann.get("/quality").text.split())
    assert "<strong>0 of 1</strong> agree: 0.00" in shown
    assert "(0.00 to 0.79)" in shown
    assert "Always saying the label that readers give more often would reach 1.00" in shown
    assert "False alarms: 1" not in shown  # written small
    assert "false alarms: 1" in shown
    assert "A17" in shown
    assert shown.count("<svg") >= 4
    assert "style=" not in shown


def test_version_and_weeks_stand_in_the_address(ann: httpx.Client, study_id: int) -> None:
    assert "classified nothing" in ann.get("/quality?version=another-1").text
    assert "classified nothing" in ann.get("/quality?from=2020-W01&to=2020-W02").text
    year, week, _ = now().isocalendar()
    shown = ann.get(f"/quality?version={VERSION}&from={year}-W{week:02}").text
    assert f'value="{year}-W{week:02}"' in shown
    assert "of 1</strong> agree" in shown


@pytest.mark.parametrize(
    "words",
    [
        "from=last",
        "from=2026-W54",
        "from=2026-W",
        "from=9999-W52",
        "from=2026-W10&to=2026-W09",
        "from=2001-W01&to=2026-W01",
        "version=a%00b",
        "version=%3Cscript%3E",
    ],
)
def test_what_cannot_be_meant_is_refused(ann: httpx.Client, words: str) -> None:
    answer = ann.get(f"/quality?{words}")
    assert answer.status_code == 400
    assert "<script>" not in answer.text


def test_slices_have_calibration_and_drift(ann: httpx.Client, context: Context) -> None:
    for number, (probability, label) in enumerate([(0.15, "normal"), (0.95, "hemorrhage")]):
        image_id = add_image(context, f"{number}.png", bytes([number]), probability)
        with Session(context.engine) as session, session.begin():
            record_reading(session, image_id, label, "<b>ann</b>", None)
            record_reading(session, image_id, "normal", "bob", None)
    shown = " ".join(ann.get("/quality").text.split())
    assert "0.1 to 0.2" in shown
    assert "0.9 to 1.0" in shown
    assert "<b>ann" not in shown
    assert "&lt;b&gt;ann" in shown
    monday = now().date() - timedelta(days=now().weekday())
    assert f'<th scope="row">{monday.isoformat()}</th>' in shown


def test_a_chart_draws_values_intervals_and_few_ticks() -> None:
    drawn = chart(
        "t",
        [Series("s", "one", [Point(0, 0.0), Point(9, 1.0, (0.5, 1.0))]), Series("none", "two", [])],
        x_ticks=[(number, str(number)) for number in range(10)],
        x_range=(0, 9),
    )
    (series,) = drawn.series
    first, last = series.marks
    assert (first.x, first.y) == (drawn.left, drawn.bottom)
    assert (last.x, last.y, last.top) == (drawn.right, drawn.top, drawn.top)
    assert last.bottom == pytest.approx((drawn.top + drawn.bottom) / 2)
    assert [text for _, text in drawn.x_ticks] == ["0", "2", "4", "6", "8"]
