"""The view `agreement`: readers beside the model, by week."""

from datetime import UTC, datetime

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from db.images import first_images
from db.readings import count_new_labels, newest_readings, readings_of, record_reading
from db.states import FileState
from db.tables import File, Prediction, Reading

SUNDAY = datetime(2026, 11, 22, 23, 59, tzinfo=UTC)
MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)


def add_file(session: Session, file_id: int, label: str = "hemorrhage") -> None:
    session.add(
        File(
            id=file_id,
            sha256=f"{file_id:064x}",
            size_bytes=1,
            state=FileState.CLASSIFIED,
            attempts=0,
            received_at=SUNDAY,
        )
    )
    session.flush()
    session.add(
        Prediction(
            image_id=first_images(session, [file_id])[file_id],
            model_version="v1",
            weights_sha256="f" * 64,
            preprocessing_version="1",
            label=label,
            probability=0.9,
            threshold=0.5,
            classified_at=SUNDAY,
        )
    )


def add_reading(session: Session, file_id: int, label: str, read_at: datetime) -> None:
    image_id = first_images(session, [file_id])[file_id]
    session.add(Reading(image_id=image_id, label=label, reader="A", read_at=read_at))
    session.flush()


def agreement(engine: Engine) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM agreement ORDER BY week")).all()
    return [(str(row.week), *row[1:]) for row in rows]


def test_a_week_begins_on_monday(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        for file_id, read_at in ((1, SUNDAY), (2, MONDAY)):
            add_file(session, file_id)
            add_reading(session, file_id, "hemorrhage", read_at)
    assert agreement(engine) == [
        ("2026-11-16", "v1", 1, 1, 0, 0, 0, 1.0),
        ("2026-11-23", "v1", 1, 1, 0, 0, 0, 1.0),
    ]


def test_uncertain_files_count_apart(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        for file_id, label in enumerate(
            ("uncertain", "hemorrhage", "normal", "normal", "not assessed"), start=1
        ):
            add_file(session, file_id, label)
            add_reading(session, file_id, "normal", MONDAY)
    assert agreement(engine) == [("2026-11-23", "v1", 5, 2, 1, 1, 1, 2 / 3)]


def test_there_is_no_share_where_all_is_uncertain(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        add_file(session, 1, "uncertain")
        add_reading(session, 1, "normal", MONDAY)
    assert agreement(engine) == [("2026-11-23", "v1", 1, 0, 0, 1, 0, None)]


def test_the_newest_reading_counts_and_the_earlier_ones_stay(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        add_file(session, 1)
        for label in ("normal", "hemorrhage"):
            record_reading(session, first_images(session, [1])[1], label, "A", None)
            session.flush()
        assert newest_readings(session, [f"{1:064x}"])[f"{1:064x}"].label == "hemorrhage"
        assert [reading.label for reading in readings_of(session, 1)] == ["normal", "hemorrhage"]
    assert [row[2:5] for row in agreement(engine)] == [(1, 1, 0)]


def test_new_labels_are_counted_from_a_moment(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        add_file(session, 1)
        for read_at in (SUNDAY, MONDAY):
            add_reading(session, 1, "normal", read_at)
        assert [count_new_labels(session, since) for since in (SUNDAY, MONDAY)] == [1, 0]
