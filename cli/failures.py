"""How an error is told to a person."""

from typing import TYPE_CHECKING

from cli.advice import advice_for
from core.errors import HeadctError
from core.printable import printable_lines

if TYPE_CHECKING:
    from services.context import Context


def warn_unless_running(context: "Context") -> None:
    """Tell who is about to wait that nothing runs, or not all of it."""
    from cli.printing import say
    from services.supervision import check_parts, ended_parts

    try:
        check_parts(context, ended_parts(context.home))
    except HeadctError as error:
        say(in_words(error) or "", err=True)


def in_words(error: Exception) -> str | None:
    """What went wrong and what to do, without a traceback; None if no person can mend it."""
    if isinstance(error, HeadctError):
        return printable_lines(" ".join(filter(None, (str(error), advice_for(error)))))
    from sqlalchemy.exc import DBAPIError  # a command may have ended before it needed SQLAlchemy

    from db.engine import in_one_line

    if isinstance(error, DBAPIError):
        return printable_lines(f"the database refused: {in_one_line(error)}. See `headct doctor`.")
    return None
