"""`scan.attempts` is kept when the scan is finished: its comment says what it counts since."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    if op.get_context().dialect.supports_comments:  # SQLite has none
        op.alter_column(
            "scan",
            "attempts",
            existing_type=sa.Integer(),
            existing_nullable=False,
            comment="How often a worker began to read it since it last was new",
        )
