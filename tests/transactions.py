"""Something happens, or everything ends, at one moment of a transaction: by the events of SQLAlchemy."""

import contextlib
from collections.abc import Callable, Iterator

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session


@contextlib.contextmanager
def at(target: Engine | type[Session], moment: str, act: Callable[[], object]) -> Iterator[None]:
    """Within the block, call `act` at each event of that name; an engine's `commit` comes just before."""

    def happen(*_: object) -> None:
        act()

    event.listen(target, moment, happen)
    try:
        yield
    finally:
        event.remove(target, moment, happen)


def fail(error: type[BaseException]) -> Callable[[], object]:
    """An act that raises."""

    def act() -> None:
        raise error

    return act
