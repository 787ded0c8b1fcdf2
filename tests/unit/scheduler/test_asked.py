"""What a file's folder, or its header, asks for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from core.home import Home
from core.settings import Settings
from db.tables import Arrival, File, Study
from scheduler.asked import Asked, asked_by
from scheduler.claims import InboxFile
from scheduler.intake import Intake
from scheduler.stat_tag import HEADER, stat_rule
from tests.dicom_files import as_bytes, ct_slice


@pytest.fixture
def intake(settings: Settings, home: Home, sqlite_engine: Engine) -> Iterator[Intake]:
    made = Intake(replace(settings, stat="RequestedProcedureDescription=*stroke*"), home, sqlite_engine)
    yield made
    made.close()


def take(intake: Intake, home: Home, name: str, content: bytes) -> None:
    path = home.inbox / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    intake.take([InboxFile(path, Path(name))])


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("a.png", Asked()),
        ("studies/a.png", Asked()),
        ("stat", Asked()),
        ("Studies/Doe/a.png", Asked()),
        ("other/studies/Doe/a.png", Asked()),
        ("studies/Doe/a.png", Asked("Doe")),
        ("studies/Doe/1/a.png", Asked("Doe")),
        ("studies/Zoe\u0308/a.png", Asked("Zoë")),
        ("stat/a.png", Asked(stat=True)),
        ("stat/studies/Doe/a.png", Asked("Doe", stat=True)),
        (f"studies/{'x' * 300}/a", Asked("x" * 255)),
    ],
)
def test_two_folders_of_the_inbox_mean_something(name: str, asked: Asked) -> None:
    assert asked_by(name) == asked


def test_what_is_in_them_is_recorded_so(intake: Intake, home: Home, sqlite_engine: Engine) -> None:
    take(intake, home, "studies/Doe/1.png", b"1")
    take(intake, home, "studies/Doe/2.png", b"2")
    take(intake, home, "stat/3.png", b"3")
    take(intake, home, "4.png", b"4")
    take(intake, home, "stat/4.png", b"4")
    with Session(sqlite_engine) as session:
        assert session.scalars(select(Study.name)).all() == ["Doe"]
        studies = session.execute(select(Arrival.source_name, Arrival.study_id).order_by(Arrival.id)).all()
        assert [study is not None for _, study in studies] == [True, True, False, False, False]
        assert session.scalars(select(File.stat).order_by(File.id)).all() == [False, False, True, True]


def test_a_header_puts_a_file_before_the_others(intake: Intake, home: Home, sqlite_engine: Engine) -> None:
    take(intake, home, "a.dcm", as_bytes(ct_slice(RequestedProcedureDescription="CT Stroke")))
    take(intake, home, "b.dcm", as_bytes(ct_slice(RequestedProcedureDescription="CT sinus")))
    take(intake, home, "c.png", b"stroke")
    with Session(sqlite_engine) as session:
        assert session.scalars(select(File.stat).order_by(File.id)).all() == [True, False, False]


def test_damage_in_a_header_puts_nothing_first_and_ends_nothing() -> None:
    is_stat = stat_rule("StationName=ER*")
    whole = as_bytes(ct_slice(StationName="er2"))
    assert is_stat(whole[:HEADER])
    for end in range(0, len(whole), 7):
        is_stat(whole[:end])
        is_stat(whole[:end] + b"\xff" * 40 + whole[end + 40 :])
    assert not is_stat(as_bytes(ct_slice(StationName="CT1")))
    assert not stat_rule(None)(whole)
