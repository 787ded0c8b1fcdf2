"""Labelled images, readings, epochs, promotions; what a result says of certainty."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)

# As in 0001, and why a label is uncertain, and what the newest reader said.
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
       prediction.label_reason AS label_reason,
       prediction.probability AS probability,
       prediction.threshold AS threshold,
       prediction.model_version AS model_version,
       prediction.classified_at AS classified_at,
       (SELECT reading.label FROM reading WHERE reading.scan_id = scan.id ORDER BY reading.id DESC LIMIT 1)
           AS reader_label
FROM scan
LEFT JOIN prediction ON prediction.id =
    (SELECT max(newest.id) FROM prediction AS newest WHERE newest.scan_id = scan.id)
"""

# What readers and each model version said of the same scans, by the week of the reading (its Monday, in UTC).
AGREEMENT_VIEW = """
CREATE VIEW agreement AS
SELECT counted.*,
       CASE WHEN agreed + disagreed > 0 THEN CAST(agreed AS DOUBLE PRECISION) / (agreed + disagreed) END
           AS agreement
FROM (
    SELECT {week} AS week,
           prediction.model_version AS model_version,
           count(*) AS readings,
           count(CASE WHEN prediction.label = reading.label THEN 1 END) AS agreed,
           count(CASE WHEN prediction.label <> reading.label AND prediction.label <> 'uncertain' THEN 1 END)
               AS disagreed,
           count(CASE WHEN prediction.label = 'uncertain' THEN 1 END) AS uncertain
    FROM reading
    JOIN prediction ON prediction.scan_id = reading.scan_id
    WHERE reading.id = (SELECT max(newest.id) FROM reading AS newest WHERE newest.scan_id = reading.scan_id)
    GROUP BY {week}, prediction.model_version
) AS counted
"""
WEEKS = {
    "sqlite": "date(reading.read_at, 'weekday 0', '-6 days')",
    "postgresql": "CAST(date_trunc('week', reading.read_at AT TIME ZONE 'UTC') AS DATE)",
}


def upgrade() -> None:
    op.execute("DROP VIEW results")
    # New scans are taken before those that are to be classified again: these have been finished before.
    op.drop_index("ix_scan_state_id", "scan")
    op.create_index("ix_scan_state_finished_at_id", "scan", ["state", "finished_at", "id"])
    _extend_prediction()
    _extend_training_run()
    _create_labelled_image()
    _create_reading()
    _create_promotion()
    op.execute(RESULTS_VIEW)
    op.execute(AGREEMENT_VIEW.format(week=WEEKS[op.get_bind().dialect.name]))


def _extend_prediction() -> None:
    for column in (
        sa.Column("label_reason", sa.Text(), comment="Why the label is uncertain"),
        sa.Column("temperature", sa.Double(), comment="The network's log-odds were divided by it"),
        sa.Column("uncertain_low", sa.Double(), comment="From here on the label is uncertain"),
        sa.Column("uncertain_high", sa.Double(), comment="From here on it is not any more"),
        sa.Column("domain_distance", sa.Double(), comment="From what the network has learnt"),
        sa.Column("domain_limit", sa.Double(), comment="Beyond it the label is uncertain"),
    ):
        op.add_column("prediction", column)
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps no comments
        op.alter_column("prediction", "probability", comment="Of hemorrhage, calibrated, 0 to 1")


def _extend_training_run() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("training_run", "reason", comment="Why it failed, was skipped or not promoted")
    with op.batch_alter_table("training_run") as table:
        table.drop_constraint("ck_training_run_state", type_="check")
        table.create_check_constraint(
            "ck_training_run_state",
            "state IN ('requested', 'running', 'succeeded', 'failed', 'cancelled', 'skipped')",
        )
        table.add_column(
            sa.Column(
                "promote",
                sa.Boolean(),
                server_default=sa.true(),
                nullable=False,
                comment="Whether the gate may put the new version into use",
            )
        )
        table.add_column(
            sa.Column("requested_by", sa.String(64), comment="A person, the schedule, or new labels")
        )
        table.add_column(sa.Column("data_fingerprint", sa.String(64), comment="Of the images it trained on"))
        table.add_column(
            sa.Column("cancel_requested", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        table.add_column(sa.Column("claimed_by", sa.String(64), comment="Who trains; another one stops"))
    running = sa.text("state = 'running'")
    op.create_index(
        "uq_training_run_running",
        "training_run",
        ["state"],
        unique=True,
        sqlite_where=running,
        postgresql_where=running,
    )
    op.create_table(
        "training_epoch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="From 1"),
        sa.Column("of", sa.Integer(), nullable=False, comment="Epochs of the run"),
        sa.Column("loss", sa.Double(), nullable=False, comment="Mean over the training part, in nats"),
        sa.Column("validation_loss", sa.Double()),
        sa.Column("validation_auc", sa.Double()),
        sa.Column("ended_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["training_run.id"], name="fk_training_epoch_run_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_training_epoch"),
        sa.UniqueConstraint("run_id", "number", name="uq_training_epoch_run_id_number"),
    )


def _create_labelled_image() -> None:
    op.create_table(
        "labelled_image",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False, comment="Of the file; its bytes are in the home"),
        sa.Column("pixels_sha256", sa.String(64), nullable=False, comment="Of the decoded grey pixels"),
        sa.Column("label", sa.String(16), nullable=False),
        sa.Column(
            "patient_group",
            sa.String(128),
            nullable=False,
            comment="The patient, or slices that look like one; never split apart",
        ),
        sa.Column("part", sa.String(16), nullable=False),
        sa.Column("scan_id", sa.Integer(), comment="The scan that a reader labelled"),
        sa.Column(
            "source_name", sa.Text(), nullable=False, comment="Where it came from; may identify a patient"
        ),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.CheckConstraint("part IN ('train', 'validation', 'test')", name="ck_labelled_image_part"),
        sa.CheckConstraint("label IN ('normal', 'hemorrhage')", name="ck_labelled_image_label"),
        sa.ForeignKeyConstraint(
            ["scan_id"], ["scan.id"], name="fk_labelled_image_scan_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_labelled_image"),
        sa.UniqueConstraint("sha256", name="uq_labelled_image_sha256"),
    )
    for column in ("pixels_sha256", "patient_group", "scan_id"):
        op.create_index(f"ix_labelled_image_{column}", "labelled_image", [column])


def _create_reading() -> None:
    op.create_table(
        "reading",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("scan_id", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(16), nullable=False),
        sa.Column("reader", sa.String(128), nullable=False),
        sa.Column("note", sa.Text()),
        sa.Column("read_at", MOMENT, nullable=False),
        sa.CheckConstraint("label IN ('normal', 'hemorrhage')", name="ck_reading_label"),
        sa.ForeignKeyConstraint(["scan_id"], ["scan.id"], name="fk_reading_scan_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_reading"),
    )
    op.create_index("ix_reading_scan_id_id", "reading", ["scan_id", "id"])


def _create_promotion() -> None:
    op.create_table(
        "promotion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_version", sa.String(64), nullable=False),
        sa.Column("replaced_version", sa.String(64), nullable=False, comment="In use until then"),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("decided_by", sa.String(128), nullable=False),
        sa.Column("evidence", sa.JSON(), comment="Rule and numbers by which the gate decided"),
        sa.Column("promoted_at", MOMENT, nullable=False),
        sa.CheckConstraint("cause IN ('gate', 'person', 'rollback')", name="ck_promotion_cause"),
        sa.PrimaryKeyConstraint("id", name="pk_promotion"),
    )
