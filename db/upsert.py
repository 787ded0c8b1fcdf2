"""INSERT that passes over rows which are there already; each dialect brings its own."""

import functools
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Insert
from sqlalchemy import Table as SqlTable
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.tables import Table


def insert_missing(
    session: Session, entity: type[Table], rows: Sequence[dict[str, Any]], key: list[str]
) -> None:
    """Insert the rows whose unique `key` columns have no such values yet; the others change nothing."""
    if not rows:
        return
    connection = session.connection()
    connection.execute(_statement(entity, connection.dialect.name, tuple(key)), rows)


@functools.cache
def _statement(entity: type[Table], dialect: str, key: tuple[str, ...]) -> Insert:
    """Made once, since to make and to look at it takes longer than to run it.

    For the bare table: the mapper's own bulk insert takes several times as long.
    """
    table = cast("SqlTable", entity.__table__)
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing(index_elements=key)
