"""Chains that are not embedded: whose nonce it is, since when it waits, gas of a day; and where a root stood before."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns of the outbox and both tables."""
    op.add_column("outbox", sa.Column("signer_address", sa.String(), nullable=False, server_default=sa.text("''")))
    op.add_column("outbox", sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox", sa.Column("failed_tries_count", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.create_index("ix_outbox_signer_address_nonce", "outbox", ["signer_address", "nonce"])
    op.create_table(
        "chain_signer",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("gas", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_chain_signer"),
    )
    op.create_table(
        "former_anchor",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("root_hex", sa.String(), nullable=False),
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("deadline_s", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("signatures_json", sa.String(), nullable=False),
        sa.Column("tx_hashes_json", sa.String(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.Column("block_hash_hex", sa.String(), nullable=True),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["root_hex"], ["batch.root_hex"], name="fk_former_anchor_root_hex_batch"),
        sa.PrimaryKeyConstraint("name", name="pk_former_anchor"),
    )
    op.create_index("ix_former_anchor_root_hex", "former_anchor", ["root_hex"])


def downgrade() -> None:
    """Drop them: where roots stood before they were anchored again is forgotten."""
    op.drop_table("former_anchor")
    op.drop_table("chain_signer")
    op.drop_index("ix_outbox_signer_address_nonce", "outbox")
    op.drop_column("outbox", "failed_tries_count")
    op.drop_column("outbox", "signed_at")
    op.drop_column("outbox", "signer_address")
