"""The tables. A file is in exactly one state; a result exists once per image and model version."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from db.states import Cause, FileState, ImageLabel, Role, RunState, Split, StudyState
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


class File(Table):
    """Bytes that arrived, known by their SHA-256: what is claimed, tried, rejected and quarantined."""

    __tablename__ = "file"
    __table_args__ = (
        CheckConstraint(_one_of("state", FileState), name="state"),
        CheckConstraint("(state IN ('rejected', 'quarantined')) = (reason IS NOT NULL)", name="reason"),
        Index("ix_file_state_finished_at_id", "state", "finished_at", "id"),
        Index("ix_file_received_at", "received_at"),
        Index(
            "ix_file_stat_waiting",
            "id",
            sqlite_where=text("stat AND state = 'received'"),
            postgresql_where=text("stat AND state = 'received'"),
        ),
    )

    id: Mapped[Id]
    sha256: Mapped[Sha256] = mapped_column(unique=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16))
    reason_code: Mapped[str | None] = mapped_column(String(32), comment="Why, as one of a few codes")
    reason: Mapped[str | None] = mapped_column(Text, comment="Why it was rejected or quarantined")
    warnings: Mapped[str | None] = mapped_column(
        Text, comment="What a reader of the result should know of the file"
    )
    stat: Mapped[bool] = mapped_column(server_default=false(), comment="Whether it goes before the others")
    attempts: Mapped[int] = mapped_column(comment="How often a worker began to read it since it last was new")
    claimed_by: Mapped[str | None] = mapped_column(String(64), comment="Id of the Celery task that reads it")
    lease_expires_at: Mapped[MaybeMoment] = mapped_column(
        comment="When a queued or running file is taken back"
    )
    received_at: Mapped[Moment]
    requeued_at: Mapped[MaybeMoment] = mapped_column(
        comment="When it was last put back, to be tried or classified again"
    )
    finished_at: Mapped[MaybeMoment]


class Study(Table):
    """An examination: of a scanner, by its UID, or what a person named one (`inbox/studies/NAME`)."""

    __tablename__ = "study"
    __table_args__ = (
        CheckConstraint(_one_of("state", StudyState), name="state"),
        CheckConstraint("(study_uid IS NULL) <> (name IS NULL)", name="uid_or_name"),
        Index("ix_study_state_last_arrival_at", "state", "last_arrival_at"),
    )

    id: Mapped[Id]
    study_uid: Mapped[str | None] = mapped_column(String(64), unique=True)
    name: Mapped[str | None] = mapped_column(
        String(255), unique=True, comment="Given by a person; may identify a patient"
    )
    accession_number: Mapped[str | None] = mapped_column(String(64))
    study_time: Mapped[datetime | None] = mapped_column(
        DateTime, comment="By the scanner's clock, which tells no zone"
    )
    patient_key: Mapped[str | None] = mapped_column(
        String(64), index=True, comment="HMAC of the patient's identifier with a secret of the home"
    )
    patient_id: Mapped[str | None] = mapped_column(
        String(128), comment="In the clear, where a setting asks for it"
    )
    stat: Mapped[bool] = mapped_column(server_default=false())
    state: Mapped[str] = mapped_column(String(16), comment="Open until no new image came for a while")
    images_expected: Mapped[int | None] = mapped_column(comment="As the files say")
    received_at: Mapped[Moment]
    last_arrival_at: Mapped[Moment] = mapped_column(comment="Of its newest file")


class Series(Table):
    """A series of a study, as its DICOM files describe it."""

    __tablename__ = "series"
    __table_args__ = (UniqueConstraint("study_id", "series_uid"),)

    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    series_uid: Mapped[str] = mapped_column(String(64))
    number: Mapped[int | None]
    thickness_mm: Mapped[float | None]
    kernel: Mapped[str | None] = mapped_column(String(64))
    is_bone: Mapped[bool] = mapped_column(server_default=false(), comment="Whether that kernel is for bone")
    scanner: Mapped[str | None] = mapped_column(String(128), comment="Manufacturer and model")
    contrast: Mapped[bool] = mapped_column(server_default=false())
    frame_of_reference_uid: Mapped[str | None] = mapped_column(String(64))
    images_expected: Mapped[int | None] = mapped_column(comment="As the files say")


class Image(Table):
    """One picture of a file: frame 0 of a PNG. It is made with its first result, reading or series."""

    __tablename__ = "image"
    __table_args__ = (UniqueConstraint("file_id", "frame"), CheckConstraint("frame >= 0", name="frame"))

    id: Mapped[Id]
    file_id: Mapped[int] = mapped_column(ForeignKey("file.id", ondelete="CASCADE"))
    frame: Mapped[int] = mapped_column(comment="Which picture of the file, from 0")
    series_id: Mapped[int | None] = mapped_column(
        ForeignKey("series.id", ondelete="SET NULL"), index=True, comment="That its DICOM file names"
    )
    sop_instance_uid: Mapped[str | None] = mapped_column(String(64))
    instance_number: Mapped[int | None]
    position_mm: Mapped[float | None] = mapped_column(
        comment="Along the normal of its plane, towards the head's top"
    )


class Arrival(Table):
    """A file that was dropped or submitted; the same bytes may arrive many times."""

    __tablename__ = "arrival"

    id: Mapped[Id]
    file_id: Mapped[int] = mapped_column(ForeignKey("file.id", ondelete="CASCADE"), index=True)
    source_name: Mapped[str] = mapped_column(Text, comment="Path below the inbox; may identify a patient")
    file_identity: Mapped[str | None] = mapped_column(
        String(128), unique=True, comment="A key of the file: what comes out of the inbox once arrives once"
    )
    archive_id: Mapped[int | None] = mapped_column(
        ForeignKey("file.id", ondelete="CASCADE"), index=True, comment="The archive that it came out of"
    )
    study_id: Mapped[int | None] = mapped_column(
        ForeignKey("study.id", ondelete="SET NULL"), index=True, comment="The study that a person named"
    )
    arrived_at: Mapped[Moment]


class Prediction(Table):
    """What one model version said of one image."""

    __tablename__ = "prediction"
    __table_args__ = (
        UniqueConstraint("image_id", "model_version"),
        CheckConstraint("probability BETWEEN 0 AND 1", name="probability"),
        CheckConstraint(_one_of("label", ImageLabel), name="label"),
        CheckConstraint(
            "probability IS NOT NULL OR label = 'not assessed'", name="label_without_probability"
        ),
        Index("ix_prediction_classified_at", "classified_at"),
    )

    id: Mapped[Id]
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"))
    model_version: Mapped[str] = mapped_column(String(64))
    weights_sha256: Mapped[Sha256]
    preprocessing_version: Mapped[str] = mapped_column(String(32))
    label: Mapped[str] = mapped_column(String(16))
    label_code: Mapped[str | None] = mapped_column(
        String(32), comment="Why it is uncertain or not assessed, as one of a few codes"
    )
    label_reason: Mapped[str | None] = mapped_column(Text, comment="The same in words")
    probability: Mapped[float | None] = mapped_column(comment="Of hemorrhage, calibrated, 0 to 1")
    temperature: Mapped[float | None] = mapped_column(comment="The network's log-odds were divided by it")
    threshold: Mapped[float] = mapped_column(comment="At or above it the label is hemorrhage")
    uncertain_low: Mapped[float | None] = mapped_column(comment="From here on the label is uncertain")
    uncertain_high: Mapped[float | None] = mapped_column(comment="From here on it is not any more")
    domain_distance: Mapped[float | None] = mapped_column(comment="From what the network has learnt")
    domain_limit: Mapped[float | None] = mapped_column(comment="Beyond it nothing is said")
    classified_at: Mapped[Moment]


class StudyResult(Table):
    """What one model version and one rule said of a study; the newest counts, the others are its history."""

    __tablename__ = "study_result"
    __table_args__ = (
        UniqueConstraint("study_id", "number"),
        CheckConstraint(_one_of("label", ImageLabel), name="label"),
        CheckConstraint("probability BETWEEN 0 AND 1", name="probability"),
    )

    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(comment="From 1, of the study's results")
    model_version: Mapped[str] = mapped_column(String(64))
    rule: Mapped[str] = mapped_column(String(64), comment="Name and version of what made it of the slices")
    series_id: Mapped[int | None] = mapped_column(
        ForeignKey("series.id", ondelete="SET NULL"), comment="The series that counts"
    )
    label: Mapped[str] = mapped_column(String(16))
    label_code: Mapped[str | None] = mapped_column(String(32))
    label_reason: Mapped[str | None] = mapped_column(Text)
    probability: Mapped[float | None] = mapped_column(comment="Of hemorrhage, calibrated, 0 to 1")
    threshold: Mapped[float] = mapped_column(comment="At or above it the label is hemorrhage")
    images_received: Mapped[int]
    images_assessed: Mapped[int]
    images_uncertain: Mapped[int]
    driving_images: Mapped[list[int]] = mapped_column(JSON, comment="Ids of the slices that drive it")
    warnings: Mapped[str | None] = mapped_column(Text, comment="Gaps, doubled positions, other series")
    finalised_at: Mapped[Moment]


class TrainingRun(Table):
    """One request to train; the queue only says that there may be one."""

    __tablename__ = "training_run"
    __table_args__ = (
        CheckConstraint(_one_of("state", RunState), name="state"),
        Index(
            "uq_training_run_running",
            "state",
            unique=True,
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
    )

    id: Mapped[Id]
    state: Mapped[str] = mapped_column(String(16))
    epochs: Mapped[int | None]
    seed: Mapped[int]
    promote: Mapped[bool] = mapped_column(
        server_default=true(), comment="Whether the gate may put the new version into use"
    )
    requested_by: Mapped[str | None] = mapped_column(
        String(64), comment="A person, the schedule, or new labels"
    )
    data_fingerprint: Mapped[str | None] = mapped_column(String(64), comment="Of the images it trained on")
    cancel_requested: Mapped[bool] = mapped_column(server_default=false())
    claimed_by: Mapped[str | None] = mapped_column(String(64), comment="Who trains; another one stops")
    attempts: Mapped[int] = mapped_column(comment="How often a worker began it")
    reason: Mapped[str | None] = mapped_column(Text, comment="Why it failed, was skipped or not promoted")
    model_version: Mapped[str | None] = mapped_column(String(64))
    metrics: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    lease_expires_at: Mapped[MaybeMoment]
    requested_at: Mapped[Moment]
    started_at: Mapped[MaybeMoment]
    finished_at: Mapped[MaybeMoment]


class EpochRecord(Table):
    """One epoch of a training run: its learning curve, and the sign that it goes on."""

    __tablename__ = "training_epoch"
    __table_args__ = (UniqueConstraint("run_id", "number"),)

    id: Mapped[Id]
    run_id: Mapped[int] = mapped_column(ForeignKey("training_run.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(comment="From 1")
    of: Mapped[int] = mapped_column(comment="Epochs of the run")
    loss: Mapped[float] = mapped_column(comment="Mean over the training split, in nats")
    validation_loss: Mapped[float | None]
    validation_auc: Mapped[float | None]
    ended_at: Mapped[Moment]


class LabelledImage(Table):
    """One image of the training data. What it is used for is decided once, per patient, and stays."""

    __tablename__ = "labelled_image"
    __table_args__ = (
        CheckConstraint(_one_of("split", Split), name="split"),
        CheckConstraint("label IN ('normal', 'hemorrhage')", name="label"),
    )

    id: Mapped[Id]
    sha256: Mapped[Sha256] = mapped_column(unique=True, comment="Of the file; its bytes are in the home")
    pixels_sha256: Mapped[Sha256] = mapped_column(index=True, comment="Of the decoded grey pixels")
    label: Mapped[str] = mapped_column(String(16))
    patient_group: Mapped[str] = mapped_column(
        String(128), index=True, comment="The patient, or slices that look like one; never split apart"
    )
    split: Mapped[str] = mapped_column(String(16))
    study: Mapped[str | None] = mapped_column(String(64), comment="Study Instance UID of its DICOM file")
    position: Mapped[float | None] = mapped_column(comment="In the study, towards the head's top, in mm")
    image_id: Mapped[int | None] = mapped_column(
        ForeignKey("image.id", ondelete="SET NULL"), index=True, comment="The image that a reader labelled"
    )
    source_name: Mapped[str] = mapped_column(Text, comment="Where it came from; may identify a patient")
    added_at: Mapped[Moment]


class Reading(Table):
    """A reader's verdict on an image or on a study; the newest counts."""

    __tablename__ = "reading"
    __table_args__ = (
        CheckConstraint("label IN ('normal', 'hemorrhage')", name="label"),
        CheckConstraint("(image_id IS NULL) <> (study_id IS NULL)", name="image_or_study"),
        Index("ix_reading_image_id_id", "image_id", "id"),
        Index("ix_reading_study_id_id", "study_id", "id"),
    )

    id: Mapped[Id]
    image_id: Mapped[int | None] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"))
    study_id: Mapped[int | None] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    label: Mapped[str] = mapped_column(String(16))
    reader: Mapped[str] = mapped_column(String(128))
    note: Mapped[str | None] = mapped_column(Text)
    read_at: Mapped[Moment]


_FILTERED = ("label", "reader_label", "state", "has_warnings", "study_id", "image_id")


class WorklistItem(Table):
    """What a reader opens at once: a study, or an image without one. `db.worklist` makes it of the views."""

    __tablename__ = "worklist_item"
    __table_args__ = (
        CheckConstraint("(image_id IS NULL) <> (study_id IS NULL)", name="image_or_study"),
        # The filter's columns too: else each item that does not fit costs a look into the table.
        Index("ix_worklist_item_urgency", "urgency", "improbability", "received_at", "id", *_FILTERED),
        Index("ix_worklist_item_improbability", "improbability", "id", *_FILTERED, "received_at"),
        Index("ix_worklist_item_received_at", "received_at", "id", *_FILTERED),
        Index("ix_worklist_item_study_time", "study_time", "id", *_FILTERED, "received_at"),
    )

    id: Mapped[Id]
    study_id: Mapped[int | None] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"), unique=True)
    image_id: Mapped[int | None] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"), unique=True)
    urgency: Mapped[int] = mapped_column(comment="Least first: not read, stat, label")
    improbability: Mapped[float] = mapped_column(
        comment="1 less the probability of hemorrhage; 2 where there is none"
    )
    label: Mapped[str | None] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16), comment="Of the study; an image is final")
    reader_label: Mapped[str | None] = mapped_column(String(16))
    has_warnings: Mapped[bool]
    received_at: Mapped[Moment]
    study_time: Mapped[datetime | None] = mapped_column(DateTime)
    accession_number: Mapped[str | None] = mapped_column(String(64))
    name: Mapped[str | None] = mapped_column(Text, comment="Of study or file; may identify a patient")


class Account(Table):
    """A person who signs in to the web page."""

    __tablename__ = "account"
    __table_args__ = (CheckConstraint(_one_of("role", Role), name="role"),)

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    password_hash: Mapped[str | None] = mapped_column(
        Text, comment="By argon2id; without one only a proxy can sign in"
    )
    disabled: Mapped[bool] = mapped_column(server_default=false())
    generation: Mapped[int] = mapped_column(comment="Sessions of an earlier one have ended")
    created_at: Mapped[Moment]


class ApiToken(Table):
    """By what a program reads or writes as a person; only its hash is kept."""

    __tablename__ = "api_token"
    __table_args__ = (UniqueConstraint("account_id", "name"),)

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(64), comment="What it is for")
    token_sha256: Mapped[Sha256] = mapped_column(unique=True)
    created_at: Mapped[Moment]


class Audit(Table):
    """Who looked at or changed what; rows are only added (a trigger of the database sees to it)."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_at", "at"),)

    id: Mapped[Id]
    at: Mapped[Moment]
    account: Mapped[str] = mapped_column(String(64), comment="Name; empty where nobody had signed in")
    action: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str | None] = mapped_column(String(128), comment="As `study 7`, `model NAME`")
    detail: Mapped[str | None] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(String(64), comment="Of the browser or program")


class Promotion(Table):
    """Another model version came into use; the newest row says which. Without any, the shipped one is."""

    __tablename__ = "promotion"
    __table_args__ = (CheckConstraint(_one_of("cause", Cause), name="cause"),)

    id: Mapped[Id]
    model_version: Mapped[str] = mapped_column(String(64))
    replaced_version: Mapped[str] = mapped_column(String(64), comment="In use until then")
    cause: Mapped[str] = mapped_column(String(16))
    decided_by: Mapped[str] = mapped_column(String(128))
    evidence: Mapped[dict[str, Any] | None] = mapped_column(
        JSON, comment="Rule and numbers by which the gate decided"
    )
    promoted_at: Mapped[Moment]


class ShippedModel(Table):
    """One row: the version that ships with the headct that was last here, which `promotion` does not name."""

    __tablename__ = "shipped_model"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[Id]
    version: Mapped[str] = mapped_column(String(64), comment="That ships with this headct")
    recorded_at: Mapped[Moment] = mapped_column(comment="Since when it does")
