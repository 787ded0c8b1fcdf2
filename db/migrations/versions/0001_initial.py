"""Scans, arrivals, predictions, training runs and the view `results`."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)

# The public contract for people with SQL tools (docs/database.md): one row per scan, with its newest result.
RESULTS_VIEW = """
CREATE VIEW results AS
SELECT scan.id AS scan_id,
       scan.sha256 AS sha256,
       (SELECT arrival.source_name FROM arrival WHERE arrival.scan_id = scan.id ORDER BY arrival.id LIMIT 1)
           AS source_name,
       scan.received_at AS received_at,
       scan.state AS state,
       scan.reason AS reason,
       prediction.label AS label,
       prediction.probability AS probability,
       prediction.threshold AS threshold,
       prediction.model_version AS model_version,
       prediction.classified_at AS classified_at
FROM scan
LEFT JOIN prediction ON prediction.id =
    (SELECT max(newest.id) FROM prediction AS newest WHERE newest.scan_id = scan.id)
"""


def upgrade() -> None:
    op.create_table(
        "scan",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True, comment="Why it was rejected or quarantined"),
        sa.Column(
            "attempts",
            sa.Integer(),
            nullable=False,
            comment="How often a worker began to read it and did not come back",
        ),
        sa.Column(
            "claimed_by", sa.String(length=64), nullable=True, comment="Id of the Celery task that reads it"
        ),
        sa.Column(
            "lease_expires_at", MOMENT, nullable=True, comment="When a queued or running scan is taken back"
        ),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "(state IN ('rejected', 'quarantined')) = (reason IS NOT NULL)", name="ck_scan_reason"
        ),
        sa.CheckConstraint(
            "state IN ('received', 'queued', 'running', 'classified', 'rejected', 'quarantined')",
            name="ck_scan_state",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_scan"),
        sa.UniqueConstraint("sha256", name="uq_scan_sha256"),
    )
    op.create_index("ix_scan_received_at", "scan", ["received_at"], unique=False)
    op.create_index("ix_scan_state_id", "scan", ["state", "id"], unique=False)
    op.create_table(
        "training_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("epochs", sa.Integer(), nullable=True),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="How often a worker began it"),
        sa.Column("reason", sa.Text(), nullable=True, comment="Why it failed"),
        sa.Column("model_version", sa.String(length=64), nullable=True),
        sa.Column("metrics", sa.JSON(), nullable=True),
        sa.Column("lease_expires_at", MOMENT, nullable=True),
        sa.Column("requested_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "state IN ('requested', 'running', 'succeeded', 'failed')", name="ck_training_run_state"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_training_run"),
    )
    op.create_table(
        "arrival",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("scan_id", sa.Integer(), nullable=False),
        sa.Column(
            "source_name", sa.Text(), nullable=False, comment="Path below the inbox; may identify a patient"
        ),
        sa.Column(
            "file_identity",
            sa.String(length=128),
            nullable=True,
            comment="Inode, change time and size: one inbox file arrives once",
        ),
        sa.Column("arrived_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["scan_id"], ["scan.id"], name="fk_arrival_scan_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_arrival"),
        sa.UniqueConstraint("file_identity", name="uq_arrival_file_identity"),
    )
    op.create_index("ix_arrival_scan_id", "arrival", ["scan_id"], unique=False)
    op.create_table(
        "prediction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("scan_id", sa.Integer(), nullable=False),
        sa.Column("model_version", sa.String(length=64), nullable=False),
        sa.Column("weights_sha256", sa.String(length=64), nullable=False),
        sa.Column("preprocessing_version", sa.String(length=32), nullable=False),
        sa.Column("label", sa.String(length=16), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False, comment="Of hemorrhage, 0 to 1"),
        sa.Column("threshold", sa.Double(), nullable=False, comment="At or above it the label is hemorrhage"),
        sa.Column("classified_at", MOMENT, nullable=False),
        sa.CheckConstraint("probability BETWEEN 0 AND 1", name="ck_prediction_probability"),
        sa.ForeignKeyConstraint(["scan_id"], ["scan.id"], name="fk_prediction_scan_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_prediction"),
        sa.UniqueConstraint("scan_id", "model_version", name="uq_prediction_scan_id_model_version"),
    )
    op.create_index("ix_prediction_classified_at", "prediction", ["classified_at"], unique=False)
    op.execute(RESULTS_VIEW)
