"""What a reader of a result should know of its file, such as loss by compression, also in `results`."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# As in 0005, and the warnings.
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
           AS reader_label,
       scan.warnings AS warnings
FROM scan
LEFT JOIN prediction ON prediction.id =
    (SELECT max(newest.id) FROM prediction AS newest WHERE newest.scan_id = scan.id)
"""


def upgrade() -> None:
    """Apply. Scans that were read before have none."""
    op.execute("DROP VIEW results")
    op.add_column(
        "scan",
        sa.Column("warnings", sa.Text(), comment="What a reader of the result should know of the file"),
    )
    op.execute(RESULTS_VIEW)
