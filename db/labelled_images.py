"""The labelled images: what the next training learns from. Each takes a session; the caller commits."""

from collections.abc import Sequence

from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from core.errors import DatasetError, LabelledByReader
from db.tables import LabelledImage


def labelled_images(session: Session) -> Sequence[LabelledImage]:
    """All of them, in the order in which they were added."""
    return session.scalars(select(LabelledImage).order_by(LabelledImage.id)).all()


def add_if_unchanged(session: Session, rows: Sequence[LabelledImage], there: Sequence[LabelledImage]) -> bool:
    """Add rows, unless another process has changed what they were planned on.

    Parameters
    ----------
    there
        All images when the rows' groups and splits were decided, which takes too long for a transaction.
    """
    lock_labelled_images(session)
    found = session.execute(select(LabelledImage.id, LabelledImage.label).order_by(LabelledImage.id))
    if [tuple(row) for row in found] != [(row.id, row.label) for row in there]:
        return False
    session.add_all(rows)
    return True


def lock_labelled_images(session: Session) -> None:
    """Until this transaction ends nobody else changes them. Whoever makes an image too does this first."""
    if session.get_bind().dialect.name == "postgresql":  # SQLite lets one transaction write at a time
        session.execute(text("LOCK TABLE labelled_image IN SHARE ROW EXCLUSIVE MODE"))


def relabel_read(session: Session, image_id: int, label: str) -> None:
    """Change the label of an image that a reader labelled before; its split stays."""
    session.execute(update(LabelledImage).where(LabelledImage.image_id == image_id).values(label=label))


def forget_read(session: Session, image_id: int) -> None:
    """Remove an image that is there by a reader's label alone, which was taken back."""
    session.execute(delete(LabelledImage).where(LabelledImage.image_id == image_id))


def relabel_imported(session: Session, reference: str, label: str) -> None:
    """Change the label of the imported image whose SHA-256 begins with those (at least 6) hex digits.

    Raises
    ------
    DatasetError
        There is none, or more than one; or its label is a reader's.
    """
    found = session.scalars(
        select(LabelledImage)
        .where(LabelledImage.sha256.startswith(reference.lower(), autoescape=True))
        .limit(2)
    ).all()
    if len(reference) < 6 or len(found) != 1:
        raise DatasetError(
            f"{'More than one' if len(found) > 1 else 'No'} labelled image has a SHA-256 that begins with "
            f"{reference}. Give at least its first 6 digits, as they were printed when it was imported."
        )
    if found[0].image_id is not None:
        raise LabelledByReader(
            f"The label of image {found[0].sha256[:12]} is a reader's, and another reading changes it."
        )
    found[0].label = label
