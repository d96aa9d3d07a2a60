"""Statements that are revoked and units that are retired on the chain; the outbox names its contract itself."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both tables and the contract of each transaction, which was that of its batch."""
    op.add_column("outbox", sa.Column("chain_id", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    op.add_column("outbox", sa.Column("contract", sa.String(), nullable=False, server_default=sa.text("''")))
    for name in ("chain_id", "contract"):
        of_batch = f"SELECT batch.{name} FROM batch WHERE batch.root_hex = outbox.root_hex"  # noqa: S608 - both names stand above
        op.execute(sa.text(f"UPDATE outbox SET {name} = ({of_batch})"))  # noqa: S608 - as above
    op.create_table(
        "revocation",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("token_id_hex", sa.String(), nullable=False),
        sa.Column("statement_id", sa.String(), nullable=False),
        sa.Column("reason_hash_hex", sa.String(), nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["token_id_hex"], ["issuance.token_id_hex"], name="fk_revocation_token_id_hex_issuance"),
        sa.ForeignKeyConstraint(["statement_id"], ["statement.id"], name="fk_revocation_statement_id_statement"),
        sa.PrimaryKeyConstraint("token_id_hex", name="pk_revocation"),
        sa.UniqueConstraint("statement_id", name="uq_revocation_statement_id"),
    )
    op.create_table(
        "retirement",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("beneficiary_hex", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("token_id_hex", sa.String(), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name="fk_retirement_subject_id_subject"),
        sa.PrimaryKeyConstraint("beneficiary_hex", name="pk_retirement"),
    )
    op.create_index("ix_retirement_subject_id", "retirement", ["subject_id"])


def downgrade() -> None:
    """Drop them, with the transactions that are of no batch: a version before could do nothing with them."""
    op.drop_table("retirement")
    op.drop_table("revocation")
    op.execute(sa.text("DELETE FROM outbox WHERE root_hex NOT IN (SELECT root_hex FROM batch)"))
    op.drop_column("outbox", "contract")
    op.drop_column("outbox", "chain_id")
