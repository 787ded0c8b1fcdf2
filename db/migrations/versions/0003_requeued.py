"""Since when a scan waits that was put back into the queue."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "scan",
        sa.Column(
            "requeued_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was last put back, to be tried or classified again",
        ),
    )
