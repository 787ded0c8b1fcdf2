"""The worklist in the order in which it is read; accounts, tokens and the audit of the web page."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
# The later of two results, and not read before read, stat before routine, then by label.
ITEMS = """
INSERT INTO worklist_item (
    study_id, image_id, urgency, improbability, label, state, reader_label, has_warnings, received_at,
    study_time, accession_number, name)
SELECT {columns},
       CASE WHEN found.reader_label IS NULL THEN 0 ELSE 20 END + CASE WHEN {stat} THEN 0 ELSE 10 END
       + CASE found.label WHEN 'hemorrhage' THEN 0 WHEN 'uncertain' THEN 1 WHEN 'not assessed' THEN 2
         WHEN 'normal' THEN 4 ELSE 3 END,
       coalesce(1 - found.probability, 2), found.label, {rest}
"""
STUDIES = ITEMS.format(
    columns="found.study_id, NULL",
    stat="found.priority = 'stat'",
    rest="""found.state, found.reader_label, found.warnings IS NOT NULL, found.received_at, found.study_time,
       found.accession_number, found.name
FROM studies AS found WHERE found.images_received > 0""",
)
IMAGES = ITEMS.format(
    columns="NULL, found.image_id",
    stat="file.stat",
    rest="""'final', found.reader_label, found.warnings IS NOT NULL, found.received_at, NULL, NULL,
       found.source_name
FROM results AS found JOIN file ON file.id = found.file_id JOIN image ON image.id = found.image_id
WHERE found.label IS NOT NULL AND image.series_id IS NULL AND NOT EXISTS (
    SELECT 1 FROM arrival WHERE arrival.file_id = file.id AND arrival.study_id IS NOT NULL)""",
)
ONLY_ADDED = "Rows of the audit are only added"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "worklist_item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer()),
        sa.Column("image_id", sa.Integer()),
        sa.Column("urgency", sa.Integer(), nullable=False, comment="Least first: not read, stat, label"),
        sa.Column(
            "improbability",
            sa.Double(),
            nullable=False,
            comment="1 less the probability of hemorrhage; 2 where there is none",
        ),
        sa.Column("label", sa.String(16)),
        sa.Column("state", sa.String(16), nullable=False, comment="Of the study; an image is final"),
        sa.Column("reader_label", sa.String(16)),
        sa.Column("has_warnings", sa.Boolean(), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("study_time", sa.DateTime()),
        sa.Column("accession_number", sa.String(64)),
        sa.Column("name", sa.Text(), comment="Of study or file; may identify a patient"),
        sa.CheckConstraint(
            "(image_id IS NULL) <> (study_id IS NULL)", name=op.f("ck_worklist_item_image_or_study")
        ),
        sa.ForeignKeyConstraint(
            ["study_id"], ["study.id"], name="fk_worklist_item_study_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name="fk_worklist_item_image_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_worklist_item"),
        sa.UniqueConstraint("study_id", name="uq_worklist_item_study_id"),
        sa.UniqueConstraint("image_id", name="uq_worklist_item_image_id"),
    )
    op.execute(STUDIES)
    op.execute(IMAGES)
    filtered = ["label", "reader_label", "state", "has_warnings", "study_id", "image_id"]
    for name, ordered, more in (
        ("urgency", ["urgency", "improbability", "received_at", "id"], []),
        ("improbability", ["improbability", "id"], ["received_at"]),
        ("received_at", ["received_at", "id"], []),
        ("study_time", ["study_time", "id"], ["received_at"]),
    ):
        op.create_index(f"ix_worklist_item_{name}", "worklist_item", [*ordered, *filtered, *more])
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("password_hash", sa.Text(), comment="By argon2id; without one only a proxy can sign in"),
        sa.Column("disabled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column(
            "generation", sa.Integer(), nullable=False, comment="Sessions of an earlier one have ended"
        ),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("role IN ('reader', 'admin')", name=op.f("ck_account_role")),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("name", name="uq_account_name"),
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False, comment="What it is for"),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fk_api_token_account_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_api_token"),
        sa.UniqueConstraint("token_sha256", name="uq_api_token_token_sha256"),
        sa.UniqueConstraint("account_id", "name", name="uq_api_token_account_id_name"),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("account", sa.String(64), nullable=False, comment="Name; empty where nobody had signed in"),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(128), comment="As `study 7`, `model NAME`"),
        sa.Column("detail", sa.Text()),
        sa.Column("address", sa.String(64), comment="Of the browser or program"),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION audit_only_added() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{ONLY_ADDED}'; END $$"
        )
        for changes, of in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            op.execute(
                f"CREATE TRIGGER audit_no_{changes.split()[0].lower()} BEFORE {changes} ON audit "
                f"FOR EACH {of} EXECUTE FUNCTION audit_only_added()"
            )
    else:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{change.lower()} BEFORE {change} ON audit "
                f"BEGIN SELECT RAISE(ABORT, '{ONLY_ADDED}'); END"
            )


def downgrade() -> None:
    """Take back."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_only_added CASCADE")
    for table in ("audit", "api_token", "account", "worklist_item"):
        op.drop_table(table)
