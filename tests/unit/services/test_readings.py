"""What readers say through the page: recorded as by `headct label`, taken back, in the worklist's order."""

import io
from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from PIL import Image
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from core.errors import LabelConflict, NoSuchReading, NoSuchStudy
from core.home import Home
from core.secret import Secret
from core.settings import Settings
from db.audit import AuditFilter
from db.tables import LabelledImage, Reading, WorklistItem
from db.worklist import Item
from services import cases, readings
from services.aside import Aside
from services.audit import Who, entries
from services.context import Context
from services.slices import Slices
from tests.dicom_files import as_bytes, enhanced_ct
from tests.drawn_studies import head, take_in, take_in_head
from training.phantoms.bleeds import Bleed
from training.phantoms.synthetic import generate_image

ANN, BOB = Who("ann", "127.0.0.1"), Who("bob", "127.0.0.1")


@pytest.fixture
def context(settings: Settings, home: Home, engine: Engine) -> Context:
    return Context(settings, home, engine)


@pytest.fixture
def aside(context: Context) -> Iterator[Aside]:
    url = context.engine.url.render_as_string(hide_password=False)
    made = Aside(replace(context.settings, database_url=Secret(url)))
    yield made
    made.close()


def png(seed: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(generate_image(seed, None, (160, 160)).image).save(file, "PNG")
    return file.getvalue()


def item_of(context: Context, **of: int) -> WorklistItem:
    with Session(context.engine) as session:
        return session.scalars(select(WorklistItem).filter_by(**of)).one()


def learnt(context: Context) -> list[tuple[int | None, str]]:
    with Session(context.engine) as session:
        found = select(LabelledImage.image_id, LabelledImage.label).order_by(LabelledImage.id)
        return [(row.image_id, row.label) for row in session.execute(found)]


def test_a_verdict_on_a_study_counts_until_it_is_taken_back(context: Context) -> None:
    take_in_head(context, 1, 7, Bleed.INTRAPARENCHYMAL, 128)
    study_id = item_of(context).study_id
    assert study_id
    before = item_of(context).urgency
    first = readings.record_study(context, study_id, "hemorrhage", BOB, None)
    second = readings.record_study(context, study_id, "normal", ANN, "old blood")
    assert item_of(context).reader_label == "normal"
    assert item_of(context).urgency > before
    stands = readings.standing(context, Item(study_id, None))
    assert [(one.reader, one.label, one.note) for one in stands.readings] == [
        ("bob", "hemorrhage", None),
        ("ann", "normal", "old blood"),
    ]
    with pytest.raises(NoSuchReading):
        readings.undo(context, first.reading_id, ANN)
    assert readings.undo(context, second.reading_id, ANN) == Item(study_id, None)
    assert item_of(context).reader_label == "hemorrhage"
    with pytest.raises(NoSuchReading):
        readings.undo(context, second.reading_id, ANN)
    readings.undo(context, first.reading_id, BOB)
    assert item_of(context).reader_label is None
    assert item_of(context).urgency == before
    done = [(one.account, one.action, one.subject, one.detail) for one in entries(context, AuditFilter())]
    assert done[0] == ("bob", "undo", f"study {study_id}", "hemorrhage")
    assert ("ann", "read", f"study {study_id}", "normal") in done
    with pytest.raises(NoSuchStudy):
        readings.record_study(context, 4711, "normal", ANN, None)


def test_an_older_verdict_of_ones_own_is_not_taken_back_before_the_newer(context: Context) -> None:
    take_in_head(context, 1, 7, None, 128)
    study_id = item_of(context).study_id
    assert study_id
    first = readings.record_study(context, study_id, "hemorrhage", ANN, None)
    readings.record_study(context, study_id, "normal", ANN, None)
    with pytest.raises(NoSuchReading, match="not the newest"):
        readings.undo(context, first.reading_id, ANN)


def test_training_learns_from_a_verdict_on_an_image_until_it_is_taken_back(
    context: Context, aside: Aside
) -> None:
    take_in(context, [("a.png", png(1))])
    slices = Slices(context, aside)
    image_id = item_of(context).image_id
    assert image_id
    stored = slices.find(image_id)
    first = readings.record_image(context, aside, stored, "hemorrhage", ANN, None)
    assert first.left_out is None
    assert learnt(context) == [(image_id, "hemorrhage")]
    second = readings.record_image(context, aside, stored, "normal", ANN, None)
    assert learnt(context) == [(image_id, "normal")]
    readings.undo(context, second.reading_id, ANN)
    assert learnt(context) == [(image_id, "hemorrhage")]
    readings.undo(context, first.reading_id, ANN)
    assert learnt(context) == []
    assert item_of(context).reader_label is None
    third = readings.record_image(context, aside, stored, "normal", BOB, None)
    assert learnt(context) == [(image_id, "normal")]
    with Session(context.engine) as session, session.begin():  # as an import of the same picture does
        session.query(LabelledImage).update({"image_id": None, "label": "hemorrhage"})
    with pytest.raises(LabelConflict):
        readings.record_image(context, aside, stored, "normal", ANN, None)
    with Session(context.engine) as session:
        assert [one.id for one in session.scalars(select(Reading))] == [third.reading_id]


def test_a_frame_is_read_without_being_learnt_from(context: Context, aside: Aside) -> None:
    frames = [dataset.pixel_array for dataset in head(1, 4, None, 128)]
    take_in(context, [("a.dcm", as_bytes(enhanced_ct(frames)))])
    case = cases.study_case(context, int(item_of(context).study_id or 0))
    image_id = int(case.slices[2].image_id or 0)
    said = readings.record_image(context, aside, Slices(context, aside).find(image_id), "normal", ANN, None)
    assert said.left_out is not None
    assert learnt(context) == []
    (reading,) = readings.standing(context, case.item).readings
    assert (reading.image_id, reading.label) == (image_id, "normal")


def test_a_case_that_gets_another_image_has_another_revision(context: Context) -> None:
    slices = [as_bytes(one) for one in head(1, 7, None, 128)]
    take_in(context, [(f"{place}.dcm", data) for place, data in enumerate(slices[:6])])
    item = Item(item_of(context).study_id, None)
    first = readings.standing(context, item)
    assert readings.standing(context, item).revision == first.revision
    take_in(context, [("6.dcm", slices[6])])
    assert readings.standing(context, item).revision != first.revision
