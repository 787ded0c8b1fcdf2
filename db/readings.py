"""What readers say of scans. Each takes a session; the caller commits."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.tables import Reading


def count_new_labels(session: Session, since: datetime) -> int:
    """How many readings are newer than that moment."""
    return session.scalar(select(func.count()).where(Reading.read_at > since)) or 0
