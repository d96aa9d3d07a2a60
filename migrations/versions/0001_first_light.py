"""First light: every table of the embedded product.

Types are written out here, not taken from `app.store.tables`: a migration says what was, the tables say what is.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_AT = sa.DateTime(timezone=True)
_AUTO_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_TABLES = (
    "account",
    "api_key",
    "session",
    "subject",
    "subject_key",
    "membership",
    "connection",
    "usage_point",
    "document",
    "import_report",
    "record",
    "record_revision",
    "record_document",
    "activity_key",
    "activity",
    "resolution",
    "period",
    "statement",
    "line",
    "statement_input",
    "share_link",
    "endorsement",
    "batch",
    "issuance",
    "outbox",
    "job",
    "idempotency_key",
    "meta",
)
"""In the order in which they are made."""


def upgrade() -> None:
    """Make every table."""
    _people()
    _sources()
    _activities()
    _statements()
    _issuances()
    _work()


def downgrade() -> None:
    """Drop every table, last made first."""
    for table in reversed(_TABLES):
        op.drop_table(table)


def _people() -> None:
    op.create_table(
        "account",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("registrar", sa.String(), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("login", name="uq_account_login"),
    )
    op.create_table(
        "api_key",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.String(), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("expires_at", _AT, nullable=True),
        sa.Column("last_used_at", _AT, nullable=True),
        sa.Column("revoked_at", _AT, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_api_key_account_id_account"),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sa.UniqueConstraint("prefix", name="uq_api_key_prefix"),
    )
    op.create_index("ix_api_key_account_id", "api_key", ["account_id"], unique=False)
    op.create_table(
        "session",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("expires_at", _AT, nullable=False),
        sa.Column("last_seen_at", _AT, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_session_account_id_account"),
        sa.PrimaryKeyConstraint("token_sha256", name="pk_session"),
    )
    op.create_index("ix_session_account_id", "session", ["account_id"], unique=False)
    op.create_table(
        "subject",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("member_count", sa.Integer(), nullable=False),
        sa.Column("chain_holder", sa.String(), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("erased_at", _AT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_subject"),
    )
    op.create_table(
        "subject_key",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("kek_id", sa.String(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name="fk_subject_key_subject_id_subject"),
        sa.PrimaryKeyConstraint("subject_id", name="pk_subject_key"),
    )
    op.create_table(
        "membership",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("to_date", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_membership_account_id_account"),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name="fk_membership_subject_id_subject"),
        sa.PrimaryKeyConstraint("id", name="pk_membership"),
    )
    op.create_index("ix_membership_account_id", "membership", ["account_id"], unique=False)
    op.create_index("ix_membership_subject_id", "membership", ["subject_id"], unique=False)


def _sources() -> None:
    op.create_table(
        "connection",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("connector", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("is_file", sa.Boolean(), nullable=False),
        sa.Column("cursor", sa.String(), nullable=False),
        sa.Column("sealed_tokens", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", _AT, nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name="fk_connection_subject_id_subject"),
        sa.PrimaryKeyConstraint("id", name="pk_connection"),
    )
    op.create_index(
        "uq_connection_standing_file",
        "connection",
        ["subject_id", "connector"],
        unique=True,
        sqlite_where=sa.text("is_file"),
        postgresql_where=sa.text("is_file"),
    )
    op.create_table(
        "usage_point",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("zone_source", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name="fk_usage_point_connection_id_connection"),
        sa.PrimaryKeyConstraint("id", name="pk_usage_point"),
        sa.UniqueConstraint("connection_id", "name", name="uq_usage_point_connection_id_name"),
    )
    op.create_table(
        "document",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("connector", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("stored_sha256", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("backend", sa.String(), nullable=False),
        sa.Column("received_at", _AT, nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name="fk_document_subject_id_subject"),
        sa.PrimaryKeyConstraint("id", name="pk_document"),
        sa.UniqueConstraint("subject_id", "sha256", name="uq_document_subject_id_sha256"),
    )
    op.create_table(
        "import_report",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("document_sha256", sa.String(), nullable=False),
        sa.Column("sealed_name", sa.LargeBinary(), nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.Column("connector", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("reading_count", sa.Integer(), nullable=False),
        sa.Column("new_count", sa.Integer(), nullable=False),
        sa.Column("changed_count", sa.Integer(), nullable=False),
        sa.Column("same_count", sa.Integer(), nullable=False),
        sa.Column("refused_count", sa.Integer(), nullable=False),
        sa.Column("first_date", sa.Date(), nullable=True),
        sa.Column("last_date", sa.Date(), nullable=True),
        sa.Column("totals_json", sa.String(), nullable=False),
        sa.Column("refused_json", sa.String(), nullable=False),
        sa.Column("notes_json", sa.String(), nullable=False),
        sa.Column("months_json", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name="fk_import_report_subject_id_subject"),
        sa.PrimaryKeyConstraint("id", name="pk_import_report"),
    )
    op.create_index("ix_import_report_subject_id_at", "import_report", ["subject_id", "at"], unique=False)
    op.create_table(
        "record",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("record_key", sa.String(), nullable=False),
        sa.Column("usage_point", sa.String(), nullable=False),
        sa.Column("latest_revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name="fk_record_connection_id_connection"),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name="fk_record_subject_id_subject"),
        sa.PrimaryKeyConstraint("id", name="pk_record"),
        sa.UniqueConstraint("connection_id", "record_key", name="uq_record_connection_id_record_key"),
    )
    op.create_index("ix_record_subject_id", "record", ["subject_id"], unique=False)
    op.create_table(
        "record_revision",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("content_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("connector", sa.String(), nullable=False),
        sa.Column("parser_version", sa.String(), nullable=False),
        sa.Column("is_removal", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", _AT, nullable=False),
        sa.ForeignKeyConstraint(["record_id"], ["record.id"], name="fk_record_revision_record_id_record"),
        sa.PrimaryKeyConstraint("id", name="pk_record_revision"),
        sa.UniqueConstraint("record_id", "revision", name="uq_record_revision_record_id_revision"),
    )
    op.create_table(
        "record_document",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("record_revision_id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name="fk_record_document_document_id_document"),
        sa.ForeignKeyConstraint(
            ["record_revision_id"], ["record_revision.id"], name="fk_record_document_record_revision_id_record_revision"
        ),
        sa.PrimaryKeyConstraint("record_revision_id", "document_id", name="pk_record_document"),
    )
    op.create_index("ix_record_document_document_id", "record_document", ["document_id"], unique=False)


def _activities() -> None:
    op.create_table(
        "activity_key",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("attributes_json", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key_id", name="pk_activity_key"),
    )
    op.create_table(
        "activity",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", _AUTO_ID, autoincrement=True, nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("record_revision_id", sa.String(), nullable=False),
        sa.Column("start_at", _AT, nullable=False),
        sa.Column("end_at", _AT, nullable=False),
        sa.Column("month_ym", sa.Integer(), nullable=False),
        sa.Column("quantity_micro", sa.BigInteger(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("quality", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("profile", sa.LargeBinary(), nullable=True),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["record_revision_id"], ["record_revision.id"], name="fk_activity_record_revision_id_record_revision"
        ),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name="fk_activity_subject_id_subject"),
        sa.PrimaryKeyConstraint("id", name="pk_activity"),
    )
    op.create_index("ix_activity_record_revision_id", "activity", ["record_revision_id"], unique=False)
    op.create_index("ix_activity_subject_id_month_ym", "activity", ["subject_id", "month_ym"], unique=False)
    op.create_index("ix_activity_subject_id_start_at", "activity", ["subject_id", "start_at", "id"], unique=False)
    op.create_table(
        "resolution",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("set_root", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("factor_id", sa.String(), nullable=True),
        sa.Column("steps_json", sa.String(), nullable=False),
        sa.Column("flags_json", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key_id", "set_root", "method", "basis", name="pk_resolution"),
    )


def _statements() -> None:
    op.create_table(
        "period",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("from_ym", sa.Integer(), nullable=False),
        sa.Column("to_ym", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("subject_commitment", sa.LargeBinary(), nullable=False),
        sa.Column("changed_since_close", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name="fk_period_subject_id_subject"),
        sa.PrimaryKeyConstraint("id", name="pk_period"),
        sa.UniqueConstraint("subject_id", "from_ym", "to_ym", name="uq_period_subject_id_from_ym_to_ym"),
    )
    op.create_table(
        "statement",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("period_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("set_size", sa.BigInteger(), nullable=False),
        sa.Column("set_root", sa.String(), nullable=False),
        sa.Column("gross_location_ug_co2e", sa.String(), nullable=False),
        sa.Column("gross_market_ug_co2e", sa.String(), nullable=False),
        sa.Column("retired_g_co2e", sa.String(), nullable=False),
        sa.Column("avoided_ug_co2e", sa.String(), nullable=False),
        sa.Column("biogenic_co2_ug", sa.String(), nullable=False),
        sa.Column("unscored_count", sa.Integer(), nullable=False),
        sa.Column("unscored_json", sa.String(), nullable=False),
        sa.Column("sealed_statement_key", sa.LargeBinary(), nullable=False),
        sa.Column("manifest", sa.LargeBinary(), nullable=False),
        sa.Column("manifest_hash_hex", sa.String(), nullable=False),
        sa.Column("public_token", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.ForeignKeyConstraint(["period_id"], ["period.id"], name="fk_statement_period_id_period"),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name="fk_statement_subject_id_subject"),
        sa.PrimaryKeyConstraint("id", name="pk_statement"),
        sa.UniqueConstraint("manifest_hash_hex", name="uq_statement_manifest_hash_hex"),
        sa.UniqueConstraint("period_id", "revision", name="uq_statement_period_id_revision"),
        sa.UniqueConstraint("public_token", name="uq_statement_public_token"),
    )
    op.create_index("ix_statement_subject_id", "statement", ["subject_id"], unique=False)
    op.create_table(
        "line",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("statement_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("canonical", sa.LargeBinary(), nullable=False),
        sa.Column("month_ym", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("total_ug_co2e", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["statement_id"], ["statement.id"], name="fk_line_statement_id_statement"),
        sa.PrimaryKeyConstraint("statement_id", "position", name="pk_line"),
    )
    op.create_table(
        "statement_input",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("statement_id", sa.String(), nullable=False),
        sa.Column("group_index", sa.Integer(), nullable=False),
        sa.Column("leaf_index", sa.Integer(), nullable=False),
        sa.Column("group_key", sa.String(), nullable=False),
        sa.Column("record_revision_id", sa.String(), nullable=False),
        sa.Column("month_ym", sa.Integer(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["statement_id"], ["statement.id"], name="fk_statement_input_statement_id_statement"),
        sa.PrimaryKeyConstraint("statement_id", "group_index", "leaf_index", name="pk_statement_input"),
    )
    op.create_index("ix_statement_input_record_revision_id", "statement_input", ["record_revision_id"], unique=False)
    op.create_table(
        "share_link",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("statement_id", sa.String(), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("expires_at", _AT, nullable=False),
        sa.Column("revoked_at", _AT, nullable=True),
        sa.ForeignKeyConstraint(["statement_id"], ["statement.id"], name="fk_share_link_statement_id_statement"),
        sa.PrimaryKeyConstraint("token_sha256", name="pk_share_link"),
    )
    op.create_index("ix_share_link_statement_id", "share_link", ["statement_id"], unique=False)


def _issuances() -> None:
    op.create_table(
        "endorsement",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("statement_id", sa.String(), nullable=False),
        sa.Column("node_id", sa.String(), nullable=False),
        sa.Column("node_region", sa.String(), nullable=False),
        sa.Column("signer_address", sa.String(), nullable=False),
        sa.Column("manifest_hash_hex", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("findings_json", sa.String(), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.ForeignKeyConstraint(["statement_id"], ["statement.id"], name="fk_endorsement_statement_id_statement"),
        sa.PrimaryKeyConstraint("id", name="pk_endorsement"),
        sa.UniqueConstraint("manifest_hash_hex", "node_id", name="uq_endorsement_manifest_hash_hex_node_id"),
    )
    op.create_index("ix_endorsement_statement_id", "endorsement", ["statement_id"], unique=False)
    op.create_table(
        "batch",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("root_hex", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("method_hash_hex", sa.String(), nullable=False),
        sa.Column("deadline_s", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("signatures_json", sa.String(), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("root_hex", name="pk_batch"),
    )
    op.create_table(
        "issuance",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("token_id_hex", sa.String(), nullable=False),
        sa.Column("statement_id", sa.String(), nullable=False),
        sa.Column("batch_root_hex", sa.String(), nullable=False),
        sa.Column("leaf_index", sa.Integer(), nullable=False),
        sa.Column("proof_json", sa.String(), nullable=False),
        sa.Column("issuance_json", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["batch_root_hex"], ["batch.root_hex"], name="fk_issuance_batch_root_hex_batch"),
        sa.ForeignKeyConstraint(["statement_id"], ["statement.id"], name="fk_issuance_statement_id_statement"),
        sa.PrimaryKeyConstraint("token_id_hex", name="pk_issuance"),
        sa.UniqueConstraint("statement_id", name="uq_issuance_statement_id"),
    )
    op.create_index("ix_issuance_batch_root_hex", "issuance", ["batch_root_hex"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("root_hex", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("payload_json", sa.String(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("tx_hashes_json", sa.String(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.Column("block_hash_hex", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", _AT, nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("updated_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("root_hex", name="pk_outbox"),
    )
    op.create_index("ix_outbox_state_next_at", "outbox", ["state", "next_at"], unique=False)


def _work() -> None:
    op.create_table(
        "job",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload_json", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", _AT, nullable=False),
        sa.Column("lease_until", _AT, nullable=True),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_job"),
    )
    op.create_index("ix_job_state_next_at", "job", ["state", "next_at"], unique=False)
    op.create_table(
        "idempotency_key",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("method_path", sa.String(), nullable=False),
        sa.Column("request_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers_json", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name="pk_idempotency_key"),
    )
    op.create_index("ix_idempotency_key_created_at", "idempotency_key", ["created_at"], unique=False)
    op.create_table(
        "meta",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )
