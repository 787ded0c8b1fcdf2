"""A code beside each reason; a result without a probability; both in the view `results`."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# As in 0002, and the code of the reason.
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
LEFT JOIN prediction ON prediction.id =
    (SELECT max(newest.id) FROM prediction AS newest WHERE newest.scan_id = scan.id)
"""

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


def upgrade() -> None:
    """Apply. Earlier rejections keep their words and have no code."""
    op.execute("DROP VIEW results")
    op.execute("DROP VIEW agreement")
    op.add_column("scan", sa.Column("reason_code", sa.String(32), comment="Why, as one of a few codes"))
    with op.batch_alter_table("prediction") as table:
        table.alter_column("probability", existing_type=sa.Double(), nullable=True)
        table.create_check_constraint(
            "ck_prediction_label_without_probability", "probability IS NOT NULL OR label = 'uncertain'"
        )
    op.execute(RESULTS_VIEW)
    op.execute(AGREEMENT_VIEW.format(week=WEEKS[op.get_bind().dialect.name]))
