"""The model version in use, as the database and the models of the home have it."""

from cli.context import Context
from db.engine import reading
from db.promotions import version_in_use
from models.store import ModelStore, StoredModel


def model_in_use(context: Context) -> StoredModel:
    """The version in use; that its weights are the registered ones is not checked.

    Raises
    ------
    ModelError
    """
    with reading(context.engine) as session:
        version = version_in_use(session)
    return ModelStore(context.home.models).find(version)
