"""What outlives the process of a sync: months to look through for duplicates, and what the provider said is ready."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both columns."""
    op.add_column("connection", sa.Column("changed_months", sa.String(), nullable=False, server_default=sa.text("''")))
    op.add_column("connection", sa.Column("sealed_notice", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Drop both: what was not looked through is looked through with the next change of its months."""
    op.drop_column("connection", "sealed_notice")
    op.drop_column("connection", "changed_months")
