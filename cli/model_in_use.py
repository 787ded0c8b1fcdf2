"""The model version in use, as the database and the models of the home have it."""

from sqlalchemy.orm import Session

from cli.context import Context
from db.engine import reading
from db.promotions import record_shipped, version_in_use
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


def record_shipped_version(context: Context) -> None:
    """Let the database know which version ships with this headct: the view `results` has to."""
    with Session(context.engine) as session, session.begin():
        record_shipped(session, shipped_model().card.version)
