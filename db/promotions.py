"""Which model version is in use: the newest row of `promotion` says it; without any, the shipped one is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, select, text
from sqlalchemy.orm import Session

from core.errors import NothingToRollBack
from db.engine import now
from db.states import Cause
from db.tables import Promotion, ShippedModel
from db.worklist_items import refresh_judged_by

SHIPPED: Final = "(shipped)"
"""Stands for the version that ships with headct, whichever that is: an upgrade may bring another one."""


def version_in_use(database: Connection | Session) -> str | None:
    """The version in use; None for the shipped one."""
    newest = select(Promotion.model_version).order_by(Promotion.id.desc()).limit(1)
    return _meant(database.scalar(newest) or SHIPPED)


def name_in_use(session: Session) -> str | None:
    """The name of the version in use; None where the shipped one is, and nobody recorded its name yet."""
    return version_in_use(session) or session.scalar(select(ShippedModel.version))


def record_shipped(session: Session, version: str) -> None:
    """Let the database know the name of the version that ships with this headct, and since when it does."""
    known = session.get(ShippedModel, 1)
    if known is None or known.version != version:
        before = [known.version] if known else []
        session.merge(ShippedModel(id=1, version=version, recorded_at=now()))
        session.flush()
        refresh_judged_by(session, [*before, version])


def in_use_since(session: Session) -> datetime | None:
    """The last change of what is in use; None for none yet."""
    changes = (
        session.scalar(select(func.max(Promotion.promoted_at))),
        session.scalar(select(ShippedModel.recorded_at)),
    )
    return max((moment for moment in changes if moment is not None), default=None)


def versions_to_go_back_to(session: Session) -> list[str | None]:
    """The version in use, then those that one rollback after the other brings back; the shipped one is last.

    A promotion puts its version on a stack, a rollback takes the uppermost away.
    """
    stack: list[str | None] = [None]
    for version, cause in session.execute(
        select(Promotion.model_version, Promotion.cause).order_by(Promotion.id)
    ):
        if cause == Cause.ROLLBACK:
            stack.pop()
        else:
            stack.append(_meant(version))
    return stack[::-1]


def promote(
    session: Session, version: str | None, *, cause: Cause, decided_by: str, evidence: dict[str, Any] | None
) -> Promotion | None:
    """Put a version into use (None: the shipped one). If it is in use already nothing is recorded: None.

    Whoever calls has made sure that its weights are there and are the registered ones.
    """
    lock_promotions(session)
    if version_in_use(session) == version:
        return None
    return _record(session, version, cause, decided_by, evidence)


def version_before(session: Session) -> str | None:
    """The version that a rollback brings back; None for the shipped one.

    Raises
    ------
    NothingToRollBack
    """
    stack = versions_to_go_back_to(session)
    if len(stack) < 2:
        raise NothingToRollBack(
            "There is nothing to roll back to: the version that ships with headct is in use, and none was "
            "before it."
        )
    return stack[1]


def rollback(session: Session, decided_by: str, evidence: dict[str, Any] | None = None) -> Promotion:
    """Go back to the version that was in use before the present one came; once more goes one further back.

    Raises
    ------
    NothingToRollBack
    """
    lock_promotions(session)
    return _record(session, version_before(session), Cause.ROLLBACK, decided_by, evidence)


def history(session: Session) -> Sequence[Promotion]:
    """Every change, the newest first."""
    return session.scalars(select(Promotion).order_by(Promotion.id.desc())).all()


def lock_promotions(session: Session) -> None:
    """Until this transaction ends the version in use is changed by nobody else.

    On SQLite that is so from the start: a transaction that may write is the only one.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE promotion IN SHARE ROW EXCLUSIVE MODE"))


def _record(
    session: Session,
    version: str | None,
    cause: Cause,
    decided_by: str,
    evidence: dict[str, Any] | None,
) -> Promotion:
    promotion = Promotion(
        model_version=version or SHIPPED,
        replaced_version=version_in_use(session) or SHIPPED,
        cause=cause,
        decided_by=decided_by,
        evidence=evidence,
        promoted_at=now(),
    )
    replaced = name_in_use(session)
    session.add(promotion)
    session.flush()
    refresh_judged_by(session, [name for name in (replaced, name_in_use(session)) if name])
    return promotion


def _meant(recorded: str) -> str | None:
    return None if recorded == SHIPPED else recorded
