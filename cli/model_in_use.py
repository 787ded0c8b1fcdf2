"""The model version in use, as the database and the models of the home have it."""

from contextlib import suppress

from sqlalchemy.orm import Session

from cli.context import Context
from core.errors import GraphMissing, ModelError
from db.engine import reading
from db.promotions import record_shipped, version_in_use, versions_to_go_back_to
from models.serving import check_servable
from models.store import ModelStore, StoredModel, shipped_model


def model_in_use(context: Context) -> StoredModel:
    """The version in use; that its weights are the registered ones is not checked.

    Raises
    ------
    ModelError
    """
    with reading(context.engine) as session:
        version = version_in_use(session)
    return ModelStore(context.home.models).find(version)


def check_can_classify(context: Context) -> str | None:
    """Whether workers can classify; returns what to say if not with the version in use.

    That is so for a version of release 0.1 that has no serving graph yet, and for no other: nothing is wrong
    with it, and the workers take the newest of the earlier versions that can be served.

    Raises
    ------
    ModelError
    """
    with reading(context.engine) as session:
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
