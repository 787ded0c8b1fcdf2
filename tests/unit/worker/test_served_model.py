import logging
from types import SimpleNamespace

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.errors import ModelAltered, ModelError
from core.home import Home
from db.promotions import promote, rollback
from db.states import Cause
from models.store import ModelStore, StoredModel, shipped_model, verify
from tests.site_models import register_copy
from worker.served_model import ServedModel

SHIPPED = shipped_model().card.version


@pytest.fixture
def store(home: Home) -> ModelStore:
    """Two versions beside the shipped one, with its weights."""
    made = ModelStore(home.models)
    for version in ("site-1", "site-2"):
        register_copy(made, version)
    return made


def load(stored: StoredModel) -> SimpleNamespace:
    """Stands for a network in memory, without TensorFlow."""
    verify(stored)
    return SimpleNamespace(card=stored.card)


def serve(engine: Engine, store: ModelStore) -> ServedModel:
    return ServedModel(engine, store, load)  # type: ignore[arg-type]  # as load() says


def put_into_use(engine: Engine, version: str) -> None:
    with Session(engine) as session, session.begin():
        promote(session, version, cause=Cause.PERSON, decided_by="ann", evidence=None)


def go_back(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        rollback(session, "ann")


def damage(store: ModelStore, version: str) -> None:
    path = store.find(version).graph_path
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def refusals(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


def test_it_serves_the_version_in_use_and_follows_it(engine: Engine, store: ModelStore) -> None:
    served = serve(engine, store)
    assert served.current().card.version == SHIPPED
    assert not served.look(), "nothing changed"
    first = served.current()
    put_into_use(engine, "site-1")
    assert served.look()
    assert served.current().card.version == "site-1"
    assert first.card.version == SHIPPED, "a chunk that has begun goes on with what it took"
    go_back(engine)
    assert served.look()
    assert served.current().card.version == SHIPPED


def test_a_chunk_that_comes_while_another_version_is_loaded_is_classified_with_the_one_before(
    engine: Engine, store: ModelStore
) -> None:
    taken: list[str] = []

    def load_beside_a_chunk(stored: StoredModel) -> SimpleNamespace:
        if stored.card.version != SHIPPED:
            taken.append(model.current().card.version)
        return load(stored)

    model = ServedModel(engine, store, load_beside_a_chunk)  # type: ignore[arg-type]  # as load() says
    put_into_use(engine, "site-1")
    assert model.look()
    assert taken == [SHIPPED]
    assert model.current().card.version == "site-1"


def test_a_process_that_starts_later_serves_the_version_in_use(engine: Engine, store: ModelStore) -> None:
    put_into_use(engine, "site-1")
    assert serve(engine, store).current().card.version == "site-1"


def test_altered_weights_are_refused_once_and_tried_again_when_they_change(
    engine: Engine, store: ModelStore, caplog: pytest.LogCaptureFixture
) -> None:
    whole = store.find("site-2").graph_path.read_bytes()
    put_into_use(engine, "site-1")
    served = serve(engine, store)
    damage(store, "site-2")
    put_into_use(engine, "site-2")
    assert not served.look()
    assert not served.look()
    (said,) = refusals(caplog)
    assert "model site-2 is refused, site-1 classifies" in said
    assert "SHA-256 differs" in said
    store.find("site-2").graph_path.write_bytes(whole)
    assert served.look()
    assert served.current().card.version == "site-2"


def test_a_refused_version_is_tried_again_when_it_is_promoted_again(
    engine: Engine, store: ModelStore, caplog: pytest.LogCaptureFixture
) -> None:
    served = serve(engine, store)
    damage(store, "site-2")
    for _ in range(2):
        put_into_use(engine, "site-2")
        assert not served.look()
        go_back(engine)
        assert not served.look(), "it is served already"
    assert len(refusals(caplog)) == 2


@pytest.mark.parametrize("card", ["{", "[]", None])
def test_a_damaged_or_missing_card_is_refused(
    engine: Engine, store: ModelStore, caplog: pytest.LogCaptureFixture, card: str | None
) -> None:
    served = serve(engine, store)
    path = store.directory / "site-2" / "model.json"
    path.unlink() if card is None else path.write_text(card)
    put_into_use(engine, "site-2")
    assert not served.look()
    assert served.current().card.version == SHIPPED
    assert "site-2" in refusals(caplog)[0]


def test_whatever_fails_in_loading_leaves_the_version_that_serves(
    engine: Engine, store: ModelStore, caplog: pytest.LogCaptureFixture
) -> None:
    def load_one_only(stored: StoredModel) -> SimpleNamespace:
        if stored.card.version != SHIPPED:
            raise MemoryError("no room")
        return load(stored)

    served = ServedModel(engine, store, load_one_only)  # type: ignore[arg-type]  # as load() says
    put_into_use(engine, "site-1")
    assert not served.look()
    assert "no room" in refusals(caplog)[0]


def test_a_process_that_starts_while_the_version_in_use_is_broken_serves_the_one_before(
    engine: Engine, store: ModelStore, caplog: pytest.LogCaptureFixture
) -> None:
    whole = store.find("site-2").graph_path.read_bytes()
    put_into_use(engine, "site-1")
    put_into_use(engine, "site-2")
    damage(store, "site-2")
    served = serve(engine, store)
    assert served.current().card.version == "site-1"
    assert not served.look()
    assert len(refusals(caplog)) == 1
    store.find("site-2").graph_path.write_bytes(whole)
    assert served.look()
    assert served.current().card.version == "site-2"


def test_a_process_without_any_version_that_loads_does_not_start(engine: Engine, store: ModelStore) -> None:
    put_into_use(engine, "site-1")
    damage(store, "site-1")

    def load_none_but(stored: StoredModel) -> SimpleNamespace:
        if stored.card.version == SHIPPED:
            raise ModelError("the shipped one neither")
        return load(stored)

    with pytest.raises(ModelAltered, match="site-1"):
        ServedModel(engine, store, load_none_but)  # type: ignore[arg-type]  # as load() says
