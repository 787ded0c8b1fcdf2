"""The audit: who looked at or changed what."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.orm import Session

from db.audit import AuditFilter, add_entry
from db.audit import entries as find_entries
from db.engine import read_session
from db.tables import Audit
from services.context import Context


class Who(NamedTuple):
    """Who acts: the account's name, and the address of the browser or program (None at the terminal)."""

    account: str
    address: str | None = None


def record(
    context: Context, who: Who, action: str, subject: str | None = None, detail: str | None = None
) -> None:
    """Add to the audit what somebody looked at, or changed."""
    with Session(context.engine) as session, session.begin():
        add_entry(session, who.account, action, subject, detail, who.address)


def entries(context: Context, wanted: AuditFilter) -> Sequence[Audit]:
    """What stands in the audit, the newest first."""
    with read_session(context.engine) as session:
        return find_entries(session, wanted)
