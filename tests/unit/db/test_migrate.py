from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, create_engine, delete, inspect, text, update
from sqlalchemy.orm import Session

from core.errors import DatabaseNotMigrated, DatabaseTooNew
from db.arrivals import NewArrival, record_arrivals
from db.engine import now
from db.images import first_images
from db.lifecycle import expire_leases
from db.migrate import alembic_config, migrate, move
from db.promotions import record_shipped
from db.results import RESULT_COLUMNS
from db.revision import REVISIONS, check_migrated, current_revision
from db.states import FileState
from db.tables import File, Image, Promotion, Reading, Table
from tests.release_0_1 import DATABASE, VERSION

SHIPPED_0_1 = "default-2"
LINKS = "SELECT id, {} AS scan_id FROM {} ORDER BY id"
LINKED = ("arrival", "prediction", "reading", "labelled_image")


def test_migrations_make_exactly_the_tables(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    migrate(engine)
    assert current_revision(engine) == REVISIONS[-1]


def test_the_view_results_has_the_columns_of_its_contract(engine: Engine) -> None:
    assert tuple(column["name"] for column in inspect(engine).get_columns("results")) == RESULT_COLUMNS


def test_an_empty_database_is_told_to_be_migrated(empty_engine: Engine) -> None:
    with pytest.raises(DatabaseNotMigrated, match="at migration none"):
        check_migrated(empty_engine)


def test_a_newer_database_is_refused_and_left_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseTooNew, match=r"9999.*newer"):
        migrate(engine)
    assert current_revision(engine) == "9999"


def test_every_migration_is_listed() -> None:
    scripts = ScriptDirectory.from_config(alembic_config()).walk_revisions()
    assert tuple(script.revision for script in scripts)[::-1] == REVISIONS


def rows_of(engine: Engine, query: str) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(text(query)).mappings()]


def fill_as_release_0_1(engine: Engine) -> None:
    """Bring an empty database to that release's migration, with all that its fixture holds."""
    tables = MetaData()
    old = create_engine(f"sqlite:///file:{DATABASE}?immutable=1&uri=true")  # no file beside it
    tables.reflect(old)
    move(engine, command.upgrade, "0004")
    with old.connect() as source, engine.begin() as target:
        for table in tables.sorted_tables:
            if table.name != "alembic_version" and (found := source.execute(table.select()).mappings().all()):
                target.execute(table.insert(), [{name: _aware(row[name]) for name in row} for row in found])


def _aware(value: object) -> object:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def test_a_database_of_release_0_1_keeps_all_that_it_says(empty_engine: Engine) -> None:
    fill_as_release_0_1(empty_engine)
    kept = "SELECT {} FROM results ORDER BY {}"
    before = rows_of(empty_engine, kept.format("*", "scan_id"))
    links = {table: rows_of(empty_engine, LINKS.format("scan_id", table)) for table in LINKED}
    agreement = rows_of(empty_engine, "SELECT * FROM agreement")
    assert {row["state"] for row in before} == {"classified", "rejected"}
    migrate(empty_engine)
    after = rows_of(empty_engine, kept.format("*", "file_id"))
    assert [as_scan(row, before[0]) for row in after] == before
    for table, rows in links.items():
        column = "file_id" if table == "arrival" else "image_id"
        assert rows_of(empty_engine, LINKS.format(column, table)) == rows
    said_of = {row["scan_id"] for table in LINKED[1:] for row in links[table]} - {None}
    images = rows_of(empty_engine, "SELECT id, file_id, frame FROM image ORDER BY id")
    assert images == [{"id": id_, "file_id": id_, "frame": 0} for id_ in sorted(said_of)]
    assert {row["file_id"] for row in after if row["image_id"] is None} == {
        row["file_id"] for row in after
    } - said_of
    assert rows_of(empty_engine, "SELECT * FROM agreement") == agreement
    assert {row["reason_code"] for row in after} == {None}


def test_the_way_down_and_up_again_keeps_all_rows(empty_engine: Engine) -> None:
    fill_as_release_0_1(empty_engine)
    migrate(empty_engine)
    newest = "SELECT * FROM results ORDER BY file_id"
    by_newest = rows_of(empty_engine, newest)
    with Session(empty_engine) as session, session.begin():
        record_shipped(session, SHIPPED_0_1)
        session.execute(delete(Promotion))
    by_use = rows_of(empty_engine, newest)
    versions = {row["file_id"]: row["model_version"] for row in by_use if row["model_version"]}
    both = [file_id for file_id, version in versions.items() if version == SHIPPED_0_1]
    assert both, "these have a result of the version that is in use, and a newer one"
    assert {row["model_version"] for row in by_newest} == {VERSION, None}

    move(empty_engine, command.downgrade, "0004")
    after = rows_of(empty_engine, newest.replace("file_id", "scan_id"))
    assert after == [as_scan(row, after[0]) for row in by_newest]
    assert not inspect(empty_engine).has_table("shipped_model")
    migrate(empty_engine)
    with Session(empty_engine) as session, session.begin():
        record_shipped(session, SHIPPED_0_1)
    assert rows_of(empty_engine, newest) == by_use
    with empty_engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []


def test_a_result_without_a_probability_is_a_rejection_on_the_way_down(empty_engine: Engine) -> None:
    fill_as_release_0_1(empty_engine)
    migrate(empty_engine)
    said = "Nobody found a head in it."
    with empty_engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE prediction SET probability = NULL, label = 'not assessed', label_reason = :said "
                "WHERE image_id = 1"
            ),
            {"said": said},
        )
    move(empty_engine, command.downgrade, "0004")
    (row,) = rows_of(empty_engine, "SELECT state, reason, label FROM results WHERE scan_id = 1")
    assert (row["state"], row["reason"], row["label"]) == ("rejected", said, None)


def test_what_the_model_did_not_judge_is_not_uncertain_any_more(empty_engine: Engine) -> None:
    fill_as_release_0_1(empty_engine)
    move(empty_engine, command.upgrade, "0006")
    said = (
        ("uncertain", "no head", None),
        ("uncertain", "outside the model's domain", 0.9),
        ("uncertain", "the probability lies between the bounds of certainty", 0.5),
        ("normal", None, 0.1),
    )
    with empty_engine.begin() as connection:
        for image_id, (label, reason, probability) in enumerate(said, start=1):
            connection.execute(
                text(
                    "UPDATE prediction SET label = :label, label_reason = :reason, "
                    "probability = :probability WHERE image_id = :id"
                ),
                {"id": image_id, "label": label, "reason": reason, "probability": probability},
            )
    counted = {table: rows_of(empty_engine, f"SELECT count(*) FROM {table}") for table in LINKED}  # noqa: S608
    migrate(empty_engine)
    told = "SELECT DISTINCT image_id, label, label_code FROM prediction WHERE image_id < 5 ORDER BY image_id"
    assert [tuple(row.values()) for row in rows_of(empty_engine, told)] == [
        (1, "not assessed", "no_head_found"),
        (2, "not assessed", "outside_domain"),
        (3, "uncertain", "between_bounds"),
        (4, "normal", None),
    ]
    for table, count in counted.items():
        assert rows_of(empty_engine, f"SELECT count(*) FROM {table}") == count  # noqa: S608
    move(empty_engine, command.downgrade, "0006")
    labels = "SELECT DISTINCT image_id, label FROM prediction WHERE image_id < 5 ORDER BY image_id"
    assert [row["label"] for row in rows_of(empty_engine, labels)] == [label for label, *_ in said]


def test_images_find_back_to_their_scans_and_only_the_first_of_a_file_is_kept(empty_engine: Engine) -> None:
    migrate(empty_engine)
    with Session(empty_engine) as session, session.begin():
        ids = list(
            record_arrivals(session, [NewArrival(f"{n:064x}", 1, f"{n}", None) for n in (1, 2)]).values()
        )
        for file_id, frame in ((ids[1], 1), (ids[1], 0), (ids[0], 0)):  # their ids cross those of the files
            image = Image(file_id=file_id, frame=frame)
            session.add(image)
            session.flush()
            session.add(Reading(image_id=image.id, label="normal", reader=f"{frame}", read_at=now()))
        session.execute(update(File).values(state=FileState.CLASSIFIED))
    move(empty_engine, command.downgrade, "0005")
    assert rows_of(empty_engine, "SELECT scan_id, reader FROM reading ORDER BY scan_id") == [
        {"scan_id": id_, "reader": "0"} for id_ in sorted(ids)
    ]
    assert len(rows_of(empty_engine, "SELECT * FROM results")) == len(ids)
    migrate(empty_engine)
    with Session(empty_engine) as session, session.begin():
        (new,) = record_arrivals(session, [NewArrival("f" * 64, 1, "new", None)]).values()
        assert new > max(ids), "PostgreSQL goes on counting"
        assert first_images(session, [new])[new] > max(ids)


def test_a_file_that_waits_for_a_message_of_the_release_before_is_published_again_at_once(
    empty_engine: Engine,
) -> None:
    fill_as_release_0_1(empty_engine)
    with empty_engine.begin() as connection:
        later = {"later": now() + timedelta(hours=1)}
        connection.execute(
            text("UPDATE scan SET state = 'queued', lease_expires_at = :later WHERE id = 1"), later
        )
    migrate(empty_engine)
    with Session(empty_engine) as session, session.begin():
        assert expire_leases(session, 3) == [1]


def as_scan(row: Mapping[str, Any], like: Iterable[str]) -> dict[str, Any]:
    """A row of `results` as it was before 0006, with the columns of `like`."""
    return {name: row["file_id" if name == "scan_id" else name] for name in like}
