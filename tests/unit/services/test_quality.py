"""Model beside readers by week, calibration, drift, and where two readers disagree."""

from datetime import UTC, date, datetime, timedelta

import pytest
from scipy.stats import binomtest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from core.home import Home
from core.settings import Settings
from db.quality import Period
from db.readings import record_study_reading
from db.states import FileState, StudyState
from db.tables import File, Image, Prediction, Reading, Study, StudyResult
from services.context import Context
from services.quality import Share, last_weeks, measure

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
WEEKS = Period(date(2026, 11, 16), date(2026, 11, 30))


@pytest.fixture
def context(settings: Settings, home: Home, engine: Engine) -> Context:
    return Context(settings, home, engine)


def add_image(
    session: Session,
    label: str = "hemorrhage",
    probability: float | None = 0.9,
    *,
    version: str = "v1",
    at: datetime = MONDAY,
    distance: float | None = None,
) -> int:
    """A classified image; returns its id."""
    number = session.query(File).count() + 1
    file = File(sha256=f"{number:064x}", size_bytes=1, state=FileState.CLASSIFIED, attempts=0, received_at=at)
    session.add(file)
    session.flush()
    image = Image(file_id=file.id, frame=0)
    session.add(image)
    session.flush()
    add_prediction(session, image.id, label, probability, version=version, at=at, distance=distance)
    return image.id


def add_prediction(
    session: Session,
    image_id: int,
    label: str,
    probability: float | None,
    *,
    version: str,
    at: datetime = MONDAY,
    distance: float | None = None,
) -> None:
    session.add(
        Prediction(
            image_id=image_id,
            model_version=version,
            weights_sha256="f" * 64,
            preprocessing_version="1",
            label=label,
            probability=probability,
            threshold=0.5,
            domain_distance=distance,
            domain_limit=None if distance is None else 10.0,
            classified_at=at,
        )
    )
    session.flush()


def read(session: Session, image_id: int, label: str, at: datetime = MONDAY, reader: str = "ann") -> None:
    session.add(Reading(image_id=image_id, label=label, reader=reader, read_at=at))
    session.flush()


def add_study(session: Session, *labels: str, name: str = "Miller") -> int:
    """A study with these results, one after the other; returns its id."""
    study = Study(name=name, state=StudyState.FINAL, received_at=MONDAY, last_arrival_at=MONDAY)
    session.add(study)
    session.flush()
    for number, label in enumerate(labels, start=1):
        session.add(
            StudyResult(
                study_id=study.id,
                number=number,
                model_version="v1",
                rule="r",
                label=label,
                probability=0.25,
                threshold=0.5,
                images_received=3,
                images_assessed=3,
                images_uncertain=0,
                driving_images=[],
                finalised_at=MONDAY,
            )
        )
        session.flush()
    return study.id


@pytest.mark.parametrize(("count", "of"), [(0, 5), (5, 5), (1, 1), (37, 80), (499, 500)])
def test_the_interval_is_that_of_scipy(count: int, of: int) -> None:
    wilson = binomtest(count, of).proportion_ci(method="wilson")
    assert Share(count, of).interval == pytest.approx((wilson.low, wilson.high))


def test_nothing_read_is_no_share() -> None:
    assert Share(0, 0).value is None
    assert Share(0, 0).interval is None


def test_slices_agree_by_week_as_in_the_view(context: Context) -> None:
    said = [
        *[("hemorrhage", "hemorrhage", 0), ("hemorrhage", "normal", 0), ("normal", "hemorrhage", -1)],
        *[("normal", "normal", -1), ("normal", "normal", 6), ("uncertain", "normal", 0)],
        ("not assessed", "hemorrhage", 0),
        ("hemorrhage", "hemorrhage", 7),  # a Monday outside
    ]
    with Session(context.engine) as session, session.begin():
        for label, reader_label, day in said:
            read(session, add_image(session, label), reader_label, MONDAY + timedelta(days=day))
    found = measure(context, "v1", WEEKS).slices
    assert [(one.week, *one[1:]) for one in found.weeks] == [
        (date(2026, 11, 16), Share(1, 2), 0.5, 1, 0, 0, 0),
        (date(2026, 11, 23), Share(2, 3), 2 / 3, 0, 1, 1, 1),
    ]
    assert found.total[1:] == (Share(3, 5), 3 / 5, 1, 1, 1, 1)
    with context.engine.connect() as connection:
        view = connection.execute(text("SELECT agreed, disagreed FROM agreement ORDER BY week")).all()
    assert [(one.agreed.part, one.agreed.of - one.agreed.part) for one in found.weeks] == view[:2]


def test_the_newest_reading_counts_beside_each_version(context: Context) -> None:
    with Session(context.engine) as session, session.begin():
        image_id = add_image(session, "hemorrhage")
        add_prediction(session, image_id, "normal", 0.1, version="v2")
        read(session, image_id, "hemorrhage", MONDAY - timedelta(weeks=1))
        read(session, image_id, "normal")
    assert measure(context, "v1", WEEKS).slices.total.agreed == Share(0, 1)
    assert measure(context, "v2", WEEKS).slices.total.agreed == Share(1, 1)
    assert measure(context, "v3", WEEKS).slices.weeks == []


def test_of_a_study_its_newest_result_counts(context: Context) -> None:
    with Session(context.engine) as session, session.begin():
        for study_id in (add_study(session, "normal", "hemorrhage"), add_study(session, "normal", name="B")):
            record_study_reading(session, study_id, "hemorrhage", "ann", None)
    found = measure(context, "v1", last_weeks(1)).studies
    assert found.total[1:4] == (Share(1, 2), 1.0, 1)
    assert found.calibration.bins[0][2:] == (pytest.approx(0.25), Share(2, 2))


def test_bins_tell_the_mean_probability_and_what_bled(context: Context) -> None:
    said = [(0.0, "normal"), (0.05, "hemorrhage"), (0.1, "normal"), (0.95, "hemorrhage"), (1.0, "hemorrhage")]
    with Session(context.engine) as session, session.begin():
        for probability, label in said:
            read(session, add_image(session, "uncertain", probability), label)
        read(session, add_image(session, "not assessed", 0.5), "normal")
    found = measure(context, "v1", WEEKS).slices.calibration
    assert [(one.low, one.high, pytest.approx(one.predicted), one.bled) for one in found.bins] == [
        (0.0, 0.1, 0.025, Share(1, 2)),
        (0.1, 0.2, 0.1, Share(0, 1)),
        (0.9, 1.0, 0.975, Share(2, 2)),
    ]
    assert found.bled == Share(3, 5)
    squares = (0.95**2, 0.1**2, 0.05**2)
    assert found.brier == pytest.approx(sum(squares) / 5)
    assert found.baseline == pytest.approx(0.6 * 0.4)


def test_drift_is_told_by_week_and_of_all(context: Context) -> None:
    with Session(context.engine) as session, session.begin():
        add_image(session, "hemorrhage", 0.8, distance=4.0)
        add_image(session, "uncertain", 0.5, distance=6.0)
        add_image(session, "not assessed", None)
        add_image(session, "normal", 0.2, at=MONDAY - timedelta(seconds=1), distance=2.0)
        add_image(session, "normal", 0.2, version="v2")
    found = measure(context, "v1", WEEKS)
    before, after = found.drift
    assert before == (date(2026, 11, 16), 1, 0.2, 2.0, 10.0, Share(0, 1), Share(0, 1), Share(0, 1))
    assert after[:2] == (date(2026, 11, 23), 3)
    assert after[2:5] == (pytest.approx(0.65), 5.0, 10.0)
    assert after[5:] == (Share(1, 3), Share(1, 3), Share(1, 3))
    assert found.drift_total[:4] == (None, 4, pytest.approx(0.5), 4.0)


def test_two_readers_disagree_by_their_newest_readings(context: Context) -> None:
    with Session(context.engine) as session, session.begin():
        disputed, settled, alone = (add_image(session) for _ in range(3))
        study_id = add_study(session, "normal")
        read(session, disputed, "normal", reader="ann")
        read(session, disputed, "hemorrhage", reader="bob")
        read(session, settled, "normal", reader="ann")
        read(session, settled, "hemorrhage", reader="bob")
        read(session, settled, "hemorrhage", reader="ann")  # changed her mind
        for label in ("normal", "hemorrhage"):
            read(session, alone, label)
        for reader, label in (("ann", "normal"), ("bob", "hemorrhage")):
            session.add(Reading(study_id=study_id, label=label, reader=reader, read_at=MONDAY))
    found = measure(context, "v1", WEEKS)
    assert found.conflict_count == 2
    assert [(one.study_id, one.image_id, one.name) for one in found.conflicts] == [
        (study_id, None, "Miller"),
        (None, disputed, None),
    ]
    said = [(reading.reader, reading.label) for reading in found.conflicts[0].readings]
    assert said == [("ann", "normal"), ("bob", "hemorrhage")]
    assert measure(context, "v1", Period(WEEKS.before, WEEKS.before)).conflict_count == 0


def test_weeks_begin_on_monday() -> None:
    period = last_weeks(2, date(2026, 11, 29))
    assert period.weeks == [date(2026, 11, 16), date(2026, 11, 23)]
