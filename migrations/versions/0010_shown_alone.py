"""What a share link shows: the lines, or one record or group."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; links that exist show the lines."""
    op.add_column("share_link", sa.Column("shown", sa.String(), nullable=False, server_default=sa.text("'lines'")))


def downgrade() -> None:
    """Drop it, and first the links that must not show the lines."""
    op.execute(sa.text("DELETE FROM share_link WHERE shown <> 'lines'"))
    op.drop_column("share_link", "shown")
