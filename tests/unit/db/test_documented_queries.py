"""Every query of docs/queries gives the right answer over known rows, on SQLite and on PostgreSQL."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from db.engine import now
from db.promotions import record_shipped
from db.states import FileState
from db.tables import Arrival, File, Image, Prediction, Reading, Study, StudyResult

DOCS = Path(__file__).parents[3] / "docs"
FILES = sorted((DOCS / "queries").glob("*.sql"))
Answer = list[tuple[Any, ...]]

PHOTOGRAPH, DAMAGED, CRASHED = "a photograph", "damaged", "the worker did not come back"


def day(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d")


def monday(moment: datetime) -> str:
    return day(moment.astimezone(UTC) - timedelta(days=moment.astimezone(UTC).weekday()))


def hour(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:00")


TWO_DAYS = timedelta(days=2)
# By the query's name: the columns that are compared, and the right answer at a given moment.
EXPECTED: dict[str, tuple[tuple[str, ...], Callable[[datetime], Answer]]] = {
    "01-todays-positives": (
        ("file_id", "source_name", "probability", "threshold", "model_version"),
        lambda _: [(1, "a.png", 0.97, 0.5, "v1"), (2, "b.png", 0.55, 0.5, "v1")],
    ),
    "02-rejected-by-reason": (("reason", "files"), lambda _: [(PHOTOGRAPH, 2), (DAMAGED, 1)]),
    "03-throughput-by-hour": (
        ("hour", "files"),
        lambda moment: [(hour(moment - TWO_DAYS), 1), (hour(moment), 3)],
    ),
    "04-received-to-classified": (
        ("files", "p50_seconds", "p95_seconds", "slowest_seconds"),
        lambda _: [(4, 2.0, 10.0, 10.0)],
    ),
    "05-counts-by-state": (
        ("state", "files"),
        lambda _: [("classified", 4), ("quarantined", 1), ("received", 1), ("rejected", 3), ("running", 1)],
    ),
    "06-borderline": (("file_id", "probability"), lambda _: [(2, 0.55), (3, 0.42)]),
    "07-same-bytes-several-names": (
        ("file_id", "source_name", "arrivals"),
        lambda _: [(1, "a.png", 2), (1, "copy/a.png", 1)],
    ),
    "08-oldest-unfinished": (
        ("file_id", "source_name", "state"),
        lambda _: [(9, "running.png", "running"), (8, "waiting.png", "received")],
    ),
    "09-positives-per-day-and-model": (
        ("day", "model_version", "files", "positive_share"),
        lambda moment: [
            (day(moment - TWO_DAYS), "v1", 1, 1.0),
            (day(moment), "v1", 2, 1.0),
            (day(moment), "v2", 1, 0.0),
        ],
    ),
    "10-quarantined": (
        ("file_id", "source_name", "attempts", "reason"),
        lambda _: [(10, "bad.png", 3, CRASHED)],
    ),
    "11-agreement-by-week": (
        (
            "week",
            "model_version",
            "readings",
            "agreed",
            "disagreed",
            "uncertain",
            "not_assessed",
            "agreement",
        ),
        lambda moment: [
            (monday(moment), "v1", 3, 1, 2, 0, 0, 1 / 3),
            (monday(moment), "v2", 1, 1, 0, 0, 0, 1.0),
        ],
    ),
    "12-studies-to-read": (
        ("study_id", "study", "priority", "label"),
        lambda _: [(3, "1.3", "stat", "normal"), (1, "Doe", "routine", "hemorrhage")],
    ),
    "13-studies-open": (("study_id", "images_expected"), lambda _: [(4, 9)]),
    "14-studies-by-label": (
        ("model_version", "rule", "label", "studies"),
        lambda _: [("v1", "mean5-1", "hemorrhage", 2), ("v1", "mean5-1", "normal", 1)],
    ),
    "15-studies-little-assessed": (("study_id", "images_assessed"), lambda _: [(3, 2)]),
    "16-studies-incomplete": (("study_id", "images_received", "images_expected"), lambda _: [(3, 20, 30)]),
    "17-studies-model-and-reader": (
        ("label", "reader_label", "studies"),
        lambda _: [("hemorrhage", "normal", 1)],
    ),
    "18-studies-disagreement": (
        ("study_id", "label", "reader_label"),
        lambda _: [(2, "hemorrhage", "normal")],
    ),
    "19-studies-with-warnings": (("study_id", "warnings"), lambda _: [(2, "a gap")]),
    "20-studies-borderline": (("study_id", "probability"), lambda _: [(2, 0.55)]),
    "21-studies-urgent": (("study_id", "state"), lambda _: [(3, "final")]),
}


@pytest.fixture
def moment(engine: Engine) -> datetime:
    """Ten files in all final states and two unfinished ones; returns when the newest were classified."""
    moment = now()

    def file(file_id: int, state: FileState, seconds: float, **values: Any) -> File:  # noqa: ANN401 - columns
        return File(
            id=file_id,
            sha256=f"{file_id:064x}",
            size_bytes=1,
            state=state,
            received_at=moment - timedelta(seconds=seconds),
            **{"attempts": 0, **values},
        )

    def prediction(
        file_id: int, version: str, probability: float, age: timedelta = timedelta()
    ) -> Prediction:
        return Prediction(
            image_id=file_id,
            model_version=version,
            weights_sha256="f" * 64,
            preprocessing_version="1",
            label="hemorrhage" if probability >= 0.5 else "normal",
            probability=probability,
            threshold=0.5,
            classified_at=moment - age,
        )

    names = ["a.png", "b.png", "c.png", "old.png", "photo.jpg", "photo.png", "cut.png", "waiting.png"]
    names += ["running.png", "bad.png"]
    again = [(1, "a.png"), (1, "copy/a.png"), (3, "c.png")]
    with Session(engine) as session, session.begin():
        session.add_all(
            [
                file(1, FileState.CLASSIFIED, 10),
                file(2, FileState.CLASSIFIED, 3),
                file(3, FileState.CLASSIFIED, 2),
                file(4, FileState.CLASSIFIED, TWO_DAYS.total_seconds() + 1),
                file(5, FileState.REJECTED, 5, reason=PHOTOGRAPH),
                file(6, FileState.REJECTED, 5, reason=PHOTOGRAPH),
                file(7, FileState.REJECTED, 5, reason=DAMAGED),
                file(8, FileState.RECEIVED, 60),
                file(9, FileState.RUNNING, 120, attempts=1),
                file(10, FileState.QUARANTINED, 300, attempts=3, reason=CRASHED, finished_at=moment),
            ]
        )
        session.flush()
        for number, (file_id, name) in enumerate([*enumerate(names, start=1), *again]):
            arrived_at = moment + timedelta(microseconds=number)
            session.add(Arrival(file_id=file_id, source_name=name, arrived_at=arrived_at))
        session.flush()
        session.add_all(Image(id=file_id, file_id=file_id, frame=0) for file_id in (1, 2, 3, 4))
        session.flush()
        session.add(prediction(1, "v1", 0.97))
        session.add(prediction(2, "v1", 0.55))
        session.add(prediction(3, "v1", 0.60))
        session.add(prediction(4, "v1", 0.99, TWO_DAYS))
        session.flush()
        session.add(prediction(3, "v2", 0.42))  # the newest result counts
        for file_id, label in ((1, "normal"), (1, "hemorrhage"), (2, "normal"), (3, "normal")):
            session.add(Reading(image_id=file_id, label=label, reader="A", read_at=moment))
            session.flush()  # the newest reading counts
        add_studies(session, moment)
    return moment


def add_studies(session: Session, moment: datetime) -> None:
    """Three that are final, of which a reader saw one, and one that is open."""
    for number, (name, stat, expected) in enumerate(
        (("Doe", False, None), (None, False, None), (None, True, 30), (None, False, 9)), start=1
    ):
        session.add(
            Study(
                id=number,
                study_uid=None if name else f"1.{number}",
                name=name,
                stat=stat,
                state="open" if number == 4 else "final",
                images_expected=expected,
                received_at=moment,
                last_arrival_at=moment,
            )
        )
    session.flush()
    for number, label, probability, assessed, said in (
        (1, "hemorrhage", 0.9, 20, None),
        (2, "hemorrhage", 0.55, 20, "a gap"),
        (3, "normal", 0.1, 2, None),
    ):
        session.add(
            StudyResult(
                study_id=number,
                number=1,
                model_version="v1",
                rule="mean5-1",
                label=label,
                probability=probability,
                threshold=0.5,
                images_received=20,
                images_assessed=assessed,
                images_uncertain=0,
                driving_images=[],
                warnings=said,
                finalised_at=moment,
            )
        )
    session.add(Reading(study_id=2, label="normal", reader="A", read_at=moment))


def query_name(file: Path) -> str:
    return file.name.split(".")[0]


@pytest.mark.parametrize("name", EXPECTED)
def test_each_documented_query_gives_the_known_answer(engine: Engine, moment: datetime, name: str) -> None:
    special = DOCS / "queries" / f"{name}.{engine.dialect.name}.sql"
    file = special if special.exists() else DOCS / "queries" / f"{name}.sql"
    columns, expected = EXPECTED[name]
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(file.read_text()).mappings().all()
    found = [tuple(row[column] for column in columns) for row in rows]
    assert len(found) == len(expected(moment))
    for row, right in zip(found, expected(moment), strict=True):
        # PostgreSQL's numeric arrives as Decimal, which compares with a float only within a tolerance.
        plain = [value if isinstance(value, str | int) else float(value) for value in row]
        assert plain == [pytest.approx(value) if isinstance(value, float) else value for value in right]


def test_the_queries_tell_what_the_version_in_use_said(engine: Engine, moment: datetime) -> None:
    with Session(engine) as session, session.begin():
        record_shipped(session, "v1")
    query = (DOCS / "queries" / "06-borderline.sql").read_text()
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(query).mappings()
        found = [(row["file_id"], row["probability"], row["model_version"]) for row in rows]
    assert found == [(2, 0.55, "v1"), (3, 0.60, "v1")]


def test_there_are_ten_queries_or_more_and_each_is_tested_and_listed() -> None:
    listed = (DOCS / "database.md").read_text()
    assert {query_name(file) for file in FILES} == EXPECTED.keys()
    assert len(EXPECTED) >= 10
    assert all(f"queries/{file.name}" in listed for file in FILES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_each_file_says_what_it_answers_and_serves_a_database(file: Path) -> None:
    assert re.match(r"-- .+\?", file.read_text()), "the first line is a comment with the question"
    assert file.read_text().count(";") == 1, "one query in a file"
    for this, other in (("sqlite", "postgresql"), ("postgresql", "sqlite")):
        if file.name.endswith(f".{this}.sql"):
            assert file.with_name(file.name.replace(this, other)).exists()
