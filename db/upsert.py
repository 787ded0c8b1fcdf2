"""INSERT that passes over rows which are there already; each dialect brings its own."""

from collections.abc import Sequence
from typing import Any, cast

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
    # The bare table, since the mapper's own bulk insert takes several times as long.
    table = cast("SqlTable", entity.__table__)
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(dialect.insert(table).on_conflict_do_nothing(index_elements=key), rows)
