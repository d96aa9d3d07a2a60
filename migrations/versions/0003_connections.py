"""Connections that are pulled: link, tokens, health; consents on their way, registrations, rates, quarantine and runs."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_AT = sa.DateTime(timezone=True)
_TABLES = ("consent_request", "provider_client", "provider_rate", "quarantine", "sync_run")


def upgrade() -> None:
    """Add to `connection`, and make the tables beside it."""
    for column in _new_columns():
        op.add_column("connection", column)
    op.create_index("ix_connection_next_at", "connection", ["next_at"])
    op.create_index("ix_connection_subject_id", "connection", ["subject_id"])
    _consents()
    _providers()
    _runs()


def downgrade() -> None:
    """Drop the tables, and what was added to `connection`."""
    for table in reversed(_TABLES):
        op.drop_table(table)
    op.drop_index("ix_connection_subject_id", "connection")
    op.drop_index("ix_connection_next_at", "connection")
    for column in reversed(_new_columns()):
        op.drop_column("connection", column.name)


def _new_columns() -> tuple[sa.Column[object], ...]:
    empty = sa.text("''")
    return (
        sa.Column("provider", sa.String(), nullable=False, server_default=empty),
        sa.Column("title", sa.String(), nullable=False, server_default=empty),
        sa.Column("sealed_link", sa.LargeBinary(), nullable=True),
        sa.Column("granted_scope", sa.String(), nullable=False, server_default=empty),
        sa.Column("access_expires_at", _AT, nullable=True),
        sa.Column("refresh_until", _AT, nullable=True),
        sa.Column("health", sa.String(), nullable=False, server_default=sa.text("'ok'")),
        sa.Column("health_said", sa.String(), nullable=False, server_default=empty),
        sa.Column("failure_count", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("next_at", _AT, nullable=True),
        sa.Column("synced_at", _AT, nullable=True),
        sa.Column("tried_at", _AT, nullable=True),
        sa.Column("running_until", _AT, nullable=True),
        sa.Column("running_id", sa.String(), nullable=False, server_default=empty),
    )


def _consents() -> None:
    op.create_table(
        "consent_request",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("state_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("session_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("connector", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("redirect_uri", sa.String(), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("expires_at", _AT, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_consent_request_account_id_account"),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name="fk_consent_request_subject_id_subject"),
        sa.PrimaryKeyConstraint("state_sha256", name="pk_consent_request"),
    )
    op.create_index("ix_consent_request_account_id", "consent_request", ["account_id"])
    op.create_index("ix_consent_request_expires_at", "consent_request", ["expires_at"])
    op.create_index("ix_consent_request_subject_id", "consent_request", ["subject_id"])


def _providers() -> None:
    op.create_table(
        "provider_client",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("registered_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("provider", name="pk_provider_client"),
    )
    op.create_table(
        "provider_rate",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("tokens_micro", sa.BigInteger(), nullable=False),
        sa.Column("refilled_at", _AT, nullable=False),
        sa.Column("blocked_until", _AT, nullable=True),
        sa.Column("day_date", sa.Date(), nullable=False),
        sa.Column("day_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("provider", name="pk_provider_rate"),
    )


def _runs() -> None:
    op.create_table(
        "quarantine",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("document_sha256", sa.String(), nullable=False),
        sa.Column("record", sa.String(), nullable=False),
        sa.Column("reason_json", sa.String(), nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name="fk_quarantine_connection_id_connection"),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name="fk_quarantine_subject_id_subject"),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
        sa.UniqueConstraint(
            "connection_id", "document_sha256", "record", name="uq_quarantine_connection_id_document_sha256_record"
        ),
    )
    op.create_index("ix_quarantine_subject_id", "quarantine", ["subject_id"])
    op.create_table(
        "sync_run",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("started_at", _AT, nullable=False),
        sa.Column("ended_at", _AT, nullable=True),
        sa.Column("documents_count", sa.Integer(), nullable=False),
        sa.Column("new_count", sa.Integer(), nullable=False),
        sa.Column("changed_count", sa.Integer(), nullable=False),
        sa.Column("refused_count", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("error_code", sa.String(), nullable=False),
        sa.Column("said", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name="fk_sync_run_connection_id_connection"),
        sa.PrimaryKeyConstraint("id", name="pk_sync_run"),
    )
    op.create_index("ix_sync_run_connection_id_started_at", "sync_run", ["connection_id", "started_at"])
