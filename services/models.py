"""The model versions: which is in use, and the change to another."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from sqlalchemy.orm import Session

from core.errors import GraphMissing, ModelError
from db.engine import read_session
from db.promotions import SHIPPED, record_shipped, version_in_use, versions_to_go_back_to
from db.promotions import history as promotions
from db.promotions import promote as put_into_use
from db.promotions import rollback as go_back
from db.states import Cause
from db.tables import Promotion
from models.card import ModelCard
from models.serving import check_servable
from models.store import DamagedModel, ModelStore, StoredModel, shipped_model
from services.context import Context


def model_in_use(context: Context) -> StoredModel:
    """The version in use; that its weights are the registered ones is not checked.

    Raises
    ------
    ModelError
    """
    with read_session(context.engine) as session:
        version = version_in_use(session)
    return ModelStore(context.home.models).find(version)


def find_version(context: Context, version: str | None) -> StoredModel:
    """The version of that name, by default the one in use.

    Raises
    ------
    ModelError
    """
    return ModelStore(context.home.models).find(version) if version else model_in_use(context)


def versions(context: Context) -> tuple[Sequence[ModelCard | DamagedModel], str]:
    """All versions, and which of them is in use."""
    with read_session(context.engine) as session:
        in_use = version_in_use(session)
    return ModelStore(context.home.models).versions(), in_use or shipped_model().card.version


def history(context: Context) -> Sequence[Promotion]:
    """Which version was put into use when, the newest first."""
    with read_session(context.engine) as session:
        return promotions(session)


def check_can_classify(context: Context) -> str | None:
    """Whether workers can classify; returns what to say if not with the version in use.

    That is so for a version of release 0.1 that has no serving graph yet, and for no other: nothing is wrong
    with it, and the workers take the newest of the earlier versions that can be served.

    Raises
    ------
    ModelError
    """
    with read_session(context.engine) as session:
        in_use, *earlier = versions_to_go_back_to(session)
    store = ModelStore(context.home.models)
    try:
        check_servable(store.find(in_use))
    except GraphMissing as missing:
        for version in earlier:
            with suppress(ModelError):
                stored = store.find(version)
                check_servable(stored)
                return f"{missing} Until then {stored.card.version} classifies."
        raise
    return None


def record_shipped_version(context: Context) -> None:
    """Let the database know which version ships with this headct: the view `results` has to."""
    with Session(context.engine) as session, session.begin():
        record_shipped(session, shipped_model().card.version)


class Switch(NamedTuple):
    """The version in use, and the one that was until then; None where nothing changed."""

    version: str
    replaced: str | None


def promote(context: Context, version: str, by: str) -> Switch:
    """Put a version into use, decided by that person.

    Raises
    ------
    ModelError
        There is no such version, or the workers could not serve it.
    """
    stored = ModelStore(context.home.models).find(version)
    check_servable(stored)
    shipped = shipped_model().card.version
    with Session(context.engine) as session, session.begin():
        promotion = put_into_use(
            session,
            None if stored.card.version == shipped else version,
            cause=Cause.PERSON,
            decided_by=by,
            evidence=None,
        )
        return Switch(version, _named(promotion.replaced_version) if promotion else None)


def rollback(context: Context, by: str) -> Switch:
    """Go back to the version that was in use before, decided by that person.

    Raises
    ------
    NothingToRollBack
    ModelError
        The workers could not serve it; nothing is recorded then.
    """
    with Session(context.engine) as session, session.begin():
        promotion = go_back(session, by)
        stored = ModelStore(context.home.models).find(version_in_use(session))
        check_servable(stored)
        return Switch(stored.card.version, _named(promotion.replaced_version))


def _named(recorded: str) -> str:
    return shipped_model().card.version if recorded == SHIPPED else recorded
