"""Codes, warnings, results without a probability; `results` shows what the version in use said."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# {reason_code} and {warnings} are columns of `scan`, {shown} is the id of the prediction that is shown.
RESULTS_VIEW = """
CREATE VIEW results AS
SELECT scan.id AS scan_id,
       scan.sha256 AS sha256,
       (SELECT arrival.source_name FROM arrival WHERE arrival.scan_id = scan.id ORDER BY arrival.id LIMIT 1)
           AS source_name,
       scan.received_at AS received_at,
       scan.state AS state,
       {reason_code}
       scan.reason AS reason,
       prediction.label AS label,
       prediction.label_reason AS label_reason,
       prediction.probability AS probability,
       prediction.threshold AS threshold,
       prediction.model_version AS model_version,
       prediction.classified_at AS classified_at,
       (SELECT reading.label FROM reading WHERE reading.scan_id = scan.id ORDER BY reading.id DESC LIMIT 1)
           AS reader_label
       {warnings}
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
    (SELECT max(newest.id) FROM prediction AS newest WHERE newest.scan_id = scan.id))"""
RESULTS_0005 = RESULTS_VIEW.format(
    reason_code="scan.reason_code AS reason_code,",
    warnings=", scan.warnings AS warnings",
    shown=OF_VERSION_IN_USE,
)
RESULTS_0004 = RESULTS_VIEW.format(reason_code="", warnings="", shown=NEWEST)

# As in 0002: SQLite makes a table anew only without the views on it.
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


FILE_IDENTITY = "A key of the file: what comes out of the inbox once arrives once"
FILE_IDENTITY_0004 = "Inode, change time and size: one inbox file arrives once"


def upgrade() -> None:
    """Apply. Earlier rejections keep their words and have no code.

    Until the shipped version is recorded the newest result is shown where that one is in use.
    """
    _drop_views()
    op.add_column("scan", sa.Column("reason_code", sa.String(32), comment="Why, as one of a few codes"))
    op.add_column(
        "scan",
        sa.Column("warnings", sa.Text(), comment="What a reader of the result should know of the file"),
    )
    with op.batch_alter_table("prediction") as table:
        table.alter_column("probability", existing_type=sa.Double(), nullable=True)
        table.create_check_constraint(
            "ck_prediction_label_without_probability", "probability IS NOT NULL OR label = 'uncertain'"
        )
    op.create_table(
        "shipped_model",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(64), nullable=False, comment="That ships with this headct"),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, comment="Since when it does"),
        sa.CheckConstraint("id = 1", name="ck_shipped_model_one_row"),
        sa.PrimaryKeyConstraint("id", name="pk_shipped_model"),
    )
    _say_of_file_identity(FILE_IDENTITY)
    _create_views(RESULTS_0005)


def downgrade() -> None:
    """Take back. A result without a probability becomes a rejection in its words, if it is the only one."""
    _drop_views()
    op.execute(
        "UPDATE scan SET state = 'rejected', reason = "
        "(SELECT max(label_reason) FROM prediction WHERE scan_id = scan.id) "
        "WHERE state = 'classified' AND NOT EXISTS "
        "(SELECT 1 FROM prediction WHERE scan_id = scan.id AND probability IS NOT NULL)"
    )
    op.execute("DELETE FROM prediction WHERE probability IS NULL")
    op.drop_table("shipped_model")
    with op.batch_alter_table("prediction") as table:
        table.drop_constraint("ck_prediction_label_without_probability", type_="check")
        table.alter_column("probability", existing_type=sa.Double(), nullable=False)
    op.drop_column("scan", "warnings")
    op.drop_column("scan", "reason_code")
    _say_of_file_identity(FILE_IDENTITY_0004)
    _create_views(RESULTS_0004)


def _drop_views() -> None:
    op.execute("DROP VIEW results")
    op.execute("DROP VIEW agreement")


def _create_views(results: str) -> None:
    op.execute(results)
    op.execute(AGREEMENT_VIEW.format(week=WEEKS[op.get_bind().dialect.name]))


def _say_of_file_identity(comment: str) -> None:
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps no comments
        op.alter_column("arrival", "file_identity", comment=comment)
