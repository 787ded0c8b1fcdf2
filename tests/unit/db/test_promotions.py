import threading

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import NothingToRollBack
from db.promotions import (
    history,
    in_use_since,
    name_in_use,
    promote,
    record_shipped,
    rollback,
    version_in_use,
    versions_to_go_back_to,
)
from db.states import Cause


def put_into_use(engine: Engine, *versions: str | None) -> None:
    for version in versions:
        with Session(engine) as session, session.begin():
            promote(session, version, cause=Cause.PERSON, decided_by="ann", evidence=None)


def go_back(engine: Engine) -> str | None:
    with Session(engine) as session, session.begin():
        rollback(session, "bob")
        return version_in_use(session)


def recorded(engine: Engine) -> list[tuple[str, str, str, str]]:
    with Session(engine) as session:
        return [
            (row.replaced_version, row.model_version, row.cause, row.decided_by) for row in history(session)
        ]


def test_without_a_record_the_shipped_version_is_in_use(engine: Engine) -> None:
    with Session(engine) as session:
        assert version_in_use(session) is None
        assert versions_to_go_back_to(session) == [None]
        assert history(session) == []


def test_the_shipped_version_has_the_name_that_was_recorded_last(engine: Engine) -> None:
    with Session(engine) as session:
        assert name_in_use(session) is None
        assert in_use_since(session) is None
    for version in ("default-2", "default-3", "default-3"):
        with Session(engine) as session, session.begin():
            record_shipped(session, version)
    with Session(engine) as session:
        assert name_in_use(session) == "default-3"
        recorded_at = in_use_since(session)
    with Session(engine) as session, session.begin():
        record_shipped(session, "default-3")
        assert in_use_since(session) == recorded_at, "it is not new"
    put_into_use(engine, "one")
    with Session(engine) as session:
        assert name_in_use(session) == "one"
        assert in_use_since(session) == history(session)[0].promoted_at
    put_into_use(engine, None)
    with Session(engine) as session:
        assert name_in_use(session) == "default-3"


def test_the_newest_promotion_is_in_use_and_each_is_recorded(engine: Engine) -> None:
    put_into_use(engine, "one", "two")
    with engine.connect() as connection:
        assert version_in_use(connection) == "two"
    assert recorded(engine) == [("one", "two", "person", "ann"), ("(shipped)", "one", "person", "ann")]


def test_promoting_the_version_in_use_records_nothing(engine: Engine) -> None:
    put_into_use(engine, None, "one", "one")
    assert len(recorded(engine)) == 1


def test_evidence_is_kept(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        promote(session, "one", cause=Cause.GATE, decided_by="run 1", evidence={"auc": 0.9})
    with Session(engine) as session:
        assert history(session)[0].evidence == {"auc": 0.9}


def test_each_rollback_goes_one_further_back_down_to_the_shipped_version(engine: Engine) -> None:
    put_into_use(engine, "one", "two")
    assert go_back(engine) == "one"
    assert go_back(engine) is None
    with pytest.raises(NothingToRollBack, match="nothing to roll back to"):
        go_back(engine)
    assert recorded(engine)[0] == ("one", "(shipped)", "rollback", "bob")


def test_after_a_rollback_a_promotion_stands_on_what_was_gone_back_to(engine: Engine) -> None:
    put_into_use(engine, "one", "two")
    go_back(engine)
    put_into_use(engine, "three", None)
    with Session(engine) as session:
        assert versions_to_go_back_to(session) == [None, "three", "one", None]
    assert [go_back(engine) for _ in range(3)] == ["three", "one", None]


def test_two_promotions_at_once_are_one_after_the_other(engine: Engine) -> None:
    """The second waits for the first one's commit, and records that it replaced that."""
    first = Session(engine)
    promote(first, "one", cause=Cause.PERSON, decided_by="ann", evidence=None)
    second = threading.Thread(target=put_into_use, args=(engine, "two"))
    second.start()
    second.join(0.3)
    assert second.is_alive(), "it waits"
    first.commit()
    first.close()
    second.join(10)
    assert [row[:2] for row in recorded(engine)] == [("one", "two"), ("(shipped)", "one")]
