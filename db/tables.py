"""The tables. A scan is in exactly one state; a result exists once per scan and model version."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from db.states import RunState, ScanState
from db.types import UtcDateTime


def _one_of(column: str, values: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(value.value) for value in values)})"


Id = Annotated[int, mapped_column(primary_key=True)]
Moment = Annotated[datetime, mapped_column(UtcDateTime)]
MaybeMoment = Annotated[datetime | None, mapped_column(UtcDateTime)]
Sha256 = Annotated[str, mapped_column(String(64))]


class Table(DeclarativeBase):
    """Base of all tables; constraint names are fixed, since migrations refer to them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Scan(Table):
    """One image, known by the SHA-256 of its bytes."""

    __tablename__ = "scan"
    __table_args__ = (
        CheckConstraint(_one_of("state", ScanState), name="state"),
        CheckConstraint("(state IN ('rejected', 'quarantined')) = (reason IS NOT NULL)", name="reason"),
        Index("ix_scan_state_id", "state", "id"),
        Index("ix_scan_received_at", "received_at"),
    )

    id: Mapped[Id]
    sha256: Mapped[Sha256] = mapped_column(unique=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(Text, comment="Why it was rejected or quarantined")
    attempts: Mapped[int] = mapped_column(comment="How often a worker began to read it and did not come back")
    claimed_by: Mapped[str | None] = mapped_column(String(64), comment="Id of the Celery task that reads it")
    lease_expires_at: Mapped[MaybeMoment] = mapped_column(
        comment="When a queued or running scan is taken back"
    )
    received_at: Mapped[Moment]
    finished_at: Mapped[MaybeMoment]


class Arrival(Table):
    """One file that was dropped or submitted; the same bytes may arrive many times."""

    __tablename__ = "arrival"

    id: Mapped[Id]
    scan_id: Mapped[int] = mapped_column(ForeignKey("scan.id", ondelete="CASCADE"), index=True)
    source_name: Mapped[str] = mapped_column(Text, comment="Path below the inbox; may identify a patient")
    file_identity: Mapped[str | None] = mapped_column(
        String(128), unique=True, comment="Inode, change time and size: one inbox file arrives once"
    )
    arrived_at: Mapped[Moment]


class Prediction(Table):
    """What one model version said of one scan."""

    __tablename__ = "prediction"
    __table_args__ = (
        UniqueConstraint("scan_id", "model_version"),
        CheckConstraint("probability BETWEEN 0 AND 1", name="probability"),
        Index("ix_prediction_classified_at", "classified_at"),
    )

    id: Mapped[Id]
    scan_id: Mapped[int] = mapped_column(ForeignKey("scan.id", ondelete="CASCADE"))
    model_version: Mapped[str] = mapped_column(String(64))
    weights_sha256: Mapped[Sha256]
    preprocessing_version: Mapped[str] = mapped_column(String(32))
    label: Mapped[str] = mapped_column(String(16))
    probability: Mapped[float] = mapped_column(comment="Of hemorrhage, 0 to 1")
    threshold: Mapped[float] = mapped_column(comment="At or above it the label is hemorrhage")
    classified_at: Mapped[Moment]


class TrainingRun(Table):
    """One request to train; the queue only says that there may be one."""

    __tablename__ = "training_run"
    __table_args__ = (CheckConstraint(_one_of("state", RunState), name="state"),)

    id: Mapped[Id]
    state: Mapped[str] = mapped_column(String(16))
    epochs: Mapped[int | None]
    seed: Mapped[int]
    attempts: Mapped[int] = mapped_column(comment="How often a worker began it")
    reason: Mapped[str | None] = mapped_column(Text, comment="Why it failed")
    model_version: Mapped[str | None] = mapped_column(String(64))
    metrics: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    lease_expires_at: Mapped[MaybeMoment]
    requested_at: Mapped[Moment]
    started_at: Mapped[MaybeMoment]
    finished_at: Mapped[MaybeMoment]
