"""How an error is told to a person."""

from sqlalchemy.exc import DBAPIError

from core.errors import HeadctError


def in_words(error: HeadctError | DBAPIError) -> str:
    """What went wrong and what to do, without a traceback."""
    if isinstance(error, DBAPIError):
        return f"the database refused: {error.orig}. See `headct doctor`."
    return str(error)
