"""Duplicates: pairs of records that may be one thing, and what was decided about them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "duplicate",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("pair_key", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("keep_record_id", sa.String(), nullable=False),
        sa.Column("aside_record_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["aside_record_id"], ["record.id"], name="fk_duplicate_aside_record_id_record"),
        sa.ForeignKeyConstraint(["keep_record_id"], ["record.id"], name="fk_duplicate_keep_record_id_record"),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name="fk_duplicate_subject_id_subject"),
        sa.PrimaryKeyConstraint("id", name="pk_duplicate"),
        sa.UniqueConstraint("subject_id", "pair_key", name="uq_duplicate_subject_id_pair_key"),
    )
    op.create_index("ix_duplicate_aside_record_id", "duplicate", ["aside_record_id"])
    op.create_index("ix_duplicate_keep_record_id", "duplicate", ["keep_record_id"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("duplicate")
