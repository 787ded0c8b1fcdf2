"""The labelled images: what the next training learns from. Each takes a session; the caller commits."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.tables import LabelledImage


def labelled_images(session: Session) -> Sequence[LabelledImage]:
    """All of them, in the order in which they were added."""
    return session.scalars(select(LabelledImage).order_by(LabelledImage.id)).all()
