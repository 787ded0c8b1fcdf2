"""The view `results` shows what the version in use said; the shipped version's name, which that needs."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# As in 0005, but for which prediction is shown; {shown} is its id.
RESULTS_VIEW = """
CREATE VIEW results AS
SELECT scan.id AS scan_id,
       scan.sha256 AS sha256,
       (SELECT arrival.source_name FROM arrival WHERE arrival.scan_id = scan.id ORDER BY arrival.id LIMIT 1)
           AS source_name,
       scan.received_at AS received_at,
       scan.state AS state,
       scan.reason_code AS reason_code,
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
LEFT JOIN prediction ON prediction.id = {shown}
"""
NEWEST = "(SELECT max(newest.id) FROM prediction AS newest WHERE newest.scan_id = scan.id)"
# The newest promotion names the version in use; with none, or for "(shipped)", it is the one that ships.
OF_VERSION_IN_USE = """coalesce(
    (SELECT used.id FROM prediction AS used
     WHERE used.scan_id = scan.id AND used.model_version = coalesce(
         (SELECT nullif(promotion.model_version, '(shipped)') FROM promotion
          ORDER BY promotion.id DESC LIMIT 1),
         (SELECT shipped_model.version FROM shipped_model))),
    {newest})"""


FILE_IDENTITY = "Hash of bytes, name, inode and time: one inbox file arrives once"
FILE_IDENTITY_0005 = "Inode, change time and size: one inbox file arrives once"


def upgrade() -> None:
    """Apply. Until the shipped version is recorded the newest result is shown where that one is in use."""
    op.create_table(
        "shipped_model",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(64), nullable=False, comment="That ships with this headct"),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, comment="Since when it does"),
        sa.CheckConstraint("id = 1", name="ck_shipped_model_one_row"),
        sa.PrimaryKeyConstraint("id", name="pk_shipped_model"),
    )
    _make_results(OF_VERSION_IN_USE.format(newest=NEWEST))
    _say_of_file_identity(FILE_IDENTITY)


def downgrade() -> None:
    """Take back: `results` shows the newest result."""
    _make_results(NEWEST)
    op.drop_table("shipped_model")
    _say_of_file_identity(FILE_IDENTITY_0005)


def _make_results(shown: str) -> None:
    op.execute("DROP VIEW results")
    op.execute(RESULTS_VIEW.format(shown=shown))


def _say_of_file_identity(comment: str) -> None:
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps no comments
        op.alter_column("arrival", "file_identity", comment=comment)
