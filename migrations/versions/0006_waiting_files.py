"""Files that wait for a person's word about their columns."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "waiting_file",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("sealed_about", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name="fk_waiting_file_subject_id_subject"),
        sa.PrimaryKeyConstraint("id", name="pk_waiting_file"),
    )
    op.create_index("ix_waiting_file_subject_id", "waiting_file", ["subject_id"])
    op.create_index("ix_waiting_file_expires_at", "waiting_file", ["expires_at"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("waiting_file")
