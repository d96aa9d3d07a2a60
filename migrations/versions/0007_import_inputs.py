"""Imports name all that they were made from, so that a document that says nothing new is not taken in again."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and what finds by it; of the imports so far it is not known."""
    op.add_column("import_report", sa.Column("inputs_sha256", sa.String(), nullable=False, server_default=sa.text("''")))
    op.create_index("ix_import_report_subject_id_inputs_sha256", "import_report", ["subject_id", "inputs_sha256"])


def downgrade() -> None:
    """Drop both."""
    op.drop_index("ix_import_report_subject_id_inputs_sha256", "import_report")
    op.drop_column("import_report", "inputs_sha256")
