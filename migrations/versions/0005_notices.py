"""Notices: what a provider calls an item of ours, as a hash, so that its notices find their connection."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and what finds by it."""
    op.add_column("connection", sa.Column("item_sha256", sa.String(), nullable=False, server_default=sa.text("''")))
    op.create_index("ix_connection_provider_item_sha256", "connection", ["provider", "item_sha256"])


def downgrade() -> None:
    """Drop both."""
    op.drop_index("ix_connection_provider_item_sha256", "connection")
    op.drop_column("connection", "item_sha256")
