"""The audit: who looked at or changed what. Rows are only added. The caller commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.engine import now
from db.tables import Audit

AUDIT_COLUMNS = ("id", "at", "account", "action", "subject", "detail", "address")


@dataclass(frozen=True)
class AuditFilter:
    """Which rows; `limit` 0 means all."""

    since: datetime | None = None
    account: str | None = None
    action: str | None = None
    subject: str | None = None
    limit: int = 0


def add_entry(
    session: Session,
    account: str,
    action: str,
    subject: str | None = None,
    detail: str | None = None,
    address: str | None = None,
) -> None:
    """Add a row."""
    session.add(
        Audit(
            at=now(),
            account=account[:64],
            action=action,
            subject=subject,
            detail=detail,
            address=address and address[:64],
        )
    )


def entries(session: Session, wanted: AuditFilter) -> Sequence[Audit]:
    """The rows that a filter fits, the newest first."""
    query = select(Audit).order_by(Audit.id.desc())
    for column, value in (
        (Audit.account, wanted.account),
        (Audit.action, wanted.action),
        (Audit.subject, wanted.subject),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.since is not None:
        query = query.where(Audit.at >= wanted.since)
    return session.scalars(query.limit(wanted.limit) if wanted.limit else query).all()
