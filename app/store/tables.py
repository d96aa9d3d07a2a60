"""The tables, private to the store: everybody else sees the nouns of `domain` or the rows that repositories return.

Every row carries the `tenant_id` of its root subject (what several tenants share, that of the installation), except `meta`. Ids
are random texts.
Facts (document, record revision, activity, statement) are appended and superseded, never edited. Amounts that can exceed 64
bits are text. Instants are `UtcDateTime`. The SQLModel classes declare the schema; repositories speak to the tables named at
the end of this file, with Core statements.
"""

from datetime import date, datetime

from sqlalchemy import BigInteger, Column, Index, MetaData, Table, UniqueConstraint, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from app.store.columns import AutoId, UtcDateTime

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""All tables, with names for constraints that are the same on every database."""


class _Base(SQLModel, registry=registry(metadata=METADATA)):
    """A row of our own tables, apart from any other SQLModel in the process."""


_DEFAULT_EMPTY = {"server_default": text("''")}
"""Of columns that a later migration added to a table with rows."""


class _Row(_Base):
    """A row of one tenant."""

    tenant_id: str


class Account(_Row, table=True):
    """Somebody who signs in."""

    __tablename__ = "account"
    id: str = Field(primary_key=True)
    login: str = Field(unique=True)
    display_name: str
    password_hash: str
    registrar: str
    created_at: datetime = Field(sa_type=UtcDateTime)


class SignInSession(_Row, table=True):
    """One signed-in browser; the token itself is never stored."""

    __tablename__ = "session"
    token_sha256: bytes = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id", index=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    last_seen_at: datetime = Field(sa_type=UtcDateTime)


class ApiKey(_Row, table=True):
    """A program's key; only the hash of its secret is stored."""

    __tablename__ = "api_key"
    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id", index=True)
    prefix: str = Field(unique=True)
    secret_sha256: bytes
    scopes: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime | None = Field(sa_type=UtcDateTime)
    last_used_at: datetime | None = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(sa_type=UtcDateTime)


class Subject(_Row, table=True):
    """Whom a statement is about."""

    __tablename__ = "subject"
    id: str = Field(primary_key=True)
    kind: str
    name: str
    country: str
    region: str
    zone: str
    currency: str
    member_count: int
    chain_holder: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    erased_at: datetime | None = Field(sa_type=UtcDateTime)


class SubjectKey(_Row, table=True):
    """A subject's data key, wrapped; without this row nothing sealed under it opens again."""

    __tablename__ = "subject_key"
    subject_id: str = Field(primary_key=True, foreign_key="subject.id")
    kek_id: str
    wrapped_key: bytes


class Membership(_Row, table=True):
    """A role of an account at a subject, from a day on."""

    __tablename__ = "membership"
    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id", index=True)
    subject_id: str = Field(foreign_key="subject.id", index=True)
    role: str
    from_date: date
    to_date: date | None


class Connection(_Row, table=True):
    """One consent of a subject for a connector, or its standing file connection."""

    __tablename__ = "connection"
    __table_args__ = (
        Index(
            "uq_connection_standing_file",
            "subject_id",
            "connector",
            unique=True,
            sqlite_where=text("is_file"),
            postgresql_where=text("is_file"),
        ),
        Index("ix_connection_next_at", "next_at"),
        Index("ix_connection_provider_item_sha256", "provider", "item_sha256"),
        Index("ix_connection_subject_id", "subject_id"),
    )
    id: str = Field(primary_key=True)
    subject_id: str = Field(foreign_key="subject.id")
    connector: str
    state: str
    is_file: bool
    cursor: str
    sealed_tokens: bytes | None
    created_at: datetime = Field(sa_type=UtcDateTime)
    provider: str = Field(sa_column_kwargs=_DEFAULT_EMPTY)
    title: str = Field(sa_column_kwargs=_DEFAULT_EMPTY)
    sealed_link: bytes | None
    granted_scope: str = Field(sa_column_kwargs=_DEFAULT_EMPTY)
    access_expires_at: datetime | None = Field(sa_type=UtcDateTime)
    refresh_until: datetime | None = Field(sa_type=UtcDateTime)
    health: str = Field(sa_column_kwargs={"server_default": text("'ok'")})
    health_said: str = Field(sa_column_kwargs=_DEFAULT_EMPTY)
    failure_count: int = Field(sa_column_kwargs={"server_default": text("0")})
    next_at: datetime | None = Field(sa_type=UtcDateTime)
    synced_at: datetime | None = Field(sa_type=UtcDateTime)
    tried_at: datetime | None = Field(sa_type=UtcDateTime)
    running_until: datetime | None = Field(sa_type=UtcDateTime)
    running_id: str = Field(sa_column_kwargs=_DEFAULT_EMPTY)
    item_sha256: str = Field(sa_column_kwargs=_DEFAULT_EMPTY)
    changed_months: str = Field(sa_column_kwargs=_DEFAULT_EMPTY)
    sealed_notice: bytes | None


class ConsentRequest(_Row, table=True):
    """A person on the way to a provider's consent page and back; gone when it is consumed, dead when it is over."""

    __tablename__ = "consent_request"
    state_sha256: bytes = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id", index=True)
    session_sha256: bytes
    connector: str
    provider: str
    subject_id: str = Field(foreign_key="subject.id", index=True)
    connection_id: str
    sealed: bytes
    redirect_uri: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)


class ProviderClient(_Row, table=True):
    """Our registration with a provider; of the installation."""

    __tablename__ = "provider_client"
    provider: str = Field(primary_key=True)
    client_id: str
    sealed_secret: bytes
    registered_at: datetime = Field(sa_type=UtcDateTime)


class ProviderRate(_Row, table=True):
    """How much of a provider's allowance is left, for all workers; of the installation."""

    __tablename__ = "provider_rate"
    provider: str = Field(primary_key=True)
    tokens_micro: int = Field(sa_type=BigInteger)
    refilled_at: datetime = Field(sa_type=UtcDateTime)
    blocked_until: datetime | None = Field(sa_type=UtcDateTime)
    day_date: date
    day_count: int


class Quarantine(_Row, table=True):
    """A record, or a whole document, that was fetched and could not be used."""

    __tablename__ = "quarantine"
    __table_args__ = (UniqueConstraint("connection_id", "document_sha256", "record"),)
    id: str = Field(primary_key=True)
    subject_id: str = Field(foreign_key="subject.id", index=True)
    connection_id: str = Field(foreign_key="connection.id")
    document_sha256: str
    record: str
    reason_json: str
    at: datetime = Field(sa_type=UtcDateTime)
    state: str


class SyncRun(_Row, table=True):
    """One sync of a connection, with what it brought so far."""

    __tablename__ = "sync_run"
    __table_args__ = (Index("ix_sync_run_connection_id_started_at", "connection_id", "started_at"),)
    id: str = Field(primary_key=True)
    connection_id: str = Field(foreign_key="connection.id")
    started_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(sa_type=UtcDateTime)
    documents_count: int
    new_count: int
    changed_count: int
    refused_count: int
    state: str
    error_code: str
    said: str


class UsagePoint(_Row, table=True):
    """A meter point of a connection, with its place."""

    __tablename__ = "usage_point"
    __table_args__ = (UniqueConstraint("connection_id", "name"),)
    id: str = Field(primary_key=True)
    connection_id: str = Field(foreign_key="connection.id")
    name: str
    region: str
    zone: str
    zone_source: str


class Document(_Row, table=True):
    """Original bytes as received; the sealed bytes lie in an archive."""

    __tablename__ = "document"
    __table_args__ = (UniqueConstraint("subject_id", "sha256"),)
    id: str = Field(primary_key=True)
    subject_id: str = Field(foreign_key="subject.id")
    connector: str
    sha256: str
    stored_sha256: str
    size_bytes: int = Field(sa_type=BigInteger)
    media_type: str
    evidence: str
    backend: str
    received_at: datetime = Field(sa_type=UtcDateTime)


class ImportReport(_Row, table=True):
    """What became of one document that was taken in.

    The file's name can be personal and is sealed. The document is named by its hash: its row may be erased, the report stays.
    """

    __tablename__ = "import_report"
    __table_args__ = (
        Index("ix_import_report_subject_id_at", "subject_id", "at"),
        Index("ix_import_report_subject_id_inputs_sha256", "subject_id", "inputs_sha256"),
    )
    id: str = Field(primary_key=True)
    subject_id: str = Field(foreign_key="subject.id")
    document_sha256: str
    sealed_name: bytes
    at: datetime = Field(sa_type=UtcDateTime)
    connector: str
    evidence: str
    reading_count: int
    new_count: int
    changed_count: int
    same_count: int
    refused_count: int
    first_date: date | None
    last_date: date | None
    totals_json: str
    refused_json: str
    notes_json: str
    months_json: str
    inputs_sha256: str = Field(sa_column_kwargs=_DEFAULT_EMPTY)


class WaitingFile(_Row, table=True):
    """A file that waits for a person's word about its columns; sealed."""

    __tablename__ = "waiting_file"
    id: str = Field(primary_key=True)
    subject_id: str = Field(foreign_key="subject.id", index=True)
    sealed_about: bytes
    sealed_body: bytes
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)


class Record(_Row, table=True):
    """One thing that a source speaks about."""

    __tablename__ = "record"
    __table_args__ = (UniqueConstraint("connection_id", "record_key"),)
    id: str = Field(primary_key=True)
    subject_id: str = Field(foreign_key="subject.id", index=True)
    connection_id: str = Field(foreign_key="connection.id")
    record_key: str
    usage_point: str
    latest_revision: int


class RecordRevision(_Row, table=True):
    """What the source said at one time."""

    __tablename__ = "record_revision"
    __table_args__ = (UniqueConstraint("record_id", "revision"),)
    id: str = Field(primary_key=True)
    record_id: str = Field(foreign_key="record.id")
    revision: int
    content_sha256: bytes
    connector: str
    parser_version: str
    is_removal: bool
    recorded_at: datetime = Field(sa_type=UtcDateTime)


class RecordDocument(_Row, table=True):
    """A record revision was taken from a document."""

    __tablename__ = "record_document"
    record_revision_id: str = Field(primary_key=True, foreign_key="record_revision.id")
    document_id: str = Field(primary_key=True, foreign_key="document.id", index=True)
    position: int  # in the order in which they were merged: an auditor merges them again


class Duplicate(_Row, table=True):
    """Two records that may be one thing, and what was decided."""

    __tablename__ = "duplicate"
    __table_args__ = (UniqueConstraint("subject_id", "pair_key"),)
    id: str = Field(primary_key=True)
    subject_id: str = Field(foreign_key="subject.id")
    pair_key: str
    rule: str
    keep_record_id: str = Field(foreign_key="record.id", index=True)
    aside_record_id: str = Field(foreign_key="record.id", index=True)
    state: str
    found_at: datetime = Field(sa_type=UtcDateTime)
    decided_at: datetime | None = Field(sa_type=UtcDateTime)


class ActivityKey(_Row, table=True):
    """Everything that a factor can depend on, once per tenant."""

    __tablename__ = "activity_key"
    tenant_id: str = Field(primary_key=True)
    key_id: str = Field(primary_key=True)
    kind: str
    region: str
    year: int
    unit: str
    attributes_json: str


class Activity(_Row, table=True):
    """A measured amount; its profile as `profile_codec` packs it."""

    __tablename__ = "activity"
    __table_args__ = (
        Index("ix_activity_subject_id_month_ym", "subject_id", "month_ym"),
        Index("ix_activity_subject_id_start_at", "subject_id", "start_at", "id"),
    )
    id: int | None = Field(default=None, sa_column=Column(AutoId, primary_key=True, autoincrement=True))
    subject_id: str = Field(foreign_key="subject.id")
    key_id: str
    record_revision_id: str = Field(foreign_key="record_revision.id", index=True)
    start_at: datetime = Field(sa_type=UtcDateTime)
    end_at: datetime = Field(sa_type=UtcDateTime)
    month_ym: int
    quantity_micro: int = Field(sa_type=BigInteger)
    unit: str
    quality: str
    evidence: str
    profile: bytes | None
    is_current: bool


class ActivityTotal(_Row, table=True):
    """Sums of current activity by subject, month, key and evidence class, kept by triggers on `activity`: never written here.

    `high` and `low` are sums of q / 2^32 and q % 2^32, `abs_*` of their magnitudes; all truncate towards zero.
    """

    __tablename__ = "activity_total"
    __table_args__ = (Index("ix_activity_total_month_ym_subject_id", "month_ym", "subject_id"),)
    subject_id: str = Field(primary_key=True)
    month_ym: int = Field(primary_key=True)
    key_id: str = Field(primary_key=True)
    evidence: str = Field(primary_key=True)
    activity_count: int = Field(sa_type=BigInteger)
    high: int = Field(sa_type=BigInteger)
    low: int = Field(sa_type=BigInteger)
    abs_high: int = Field(sa_type=BigInteger)
    abs_low: int = Field(sa_type=BigInteger)


class Resolution(_Row, table=True):
    """The factor that a key has under a set, method and basis, with the reasons."""

    __tablename__ = "resolution"
    tenant_id: str = Field(primary_key=True)
    key_id: str = Field(primary_key=True)
    set_root: str = Field(primary_key=True)
    method: str = Field(primary_key=True)
    basis: str = Field(primary_key=True)
    factor_id: str | None
    steps_json: str
    flags_json: str


class Period(_Row, table=True):
    """Months of one subject that are closed together."""

    __tablename__ = "period"
    __table_args__ = (
        UniqueConstraint("subject_id", "from_ym", "to_ym"),
        Index("ix_period_from_ym_to_ym_subject_id", "from_ym", "to_ym", "subject_id"),
    )
    id: str = Field(primary_key=True)
    subject_id: str = Field(foreign_key="subject.id")
    from_ym: int
    to_ym: int
    state: str
    subject_commitment: bytes
    changed_since_close: bool


class Statement(_Row, table=True):
    """Totals of one closed period, with the manifest that they follow from."""

    __tablename__ = "statement"
    __table_args__ = (UniqueConstraint("period_id", "revision"),)
    id: str = Field(primary_key=True)
    subject_id: str = Field(foreign_key="subject.id", index=True)
    period_id: str = Field(foreign_key="period.id")
    revision: int
    reason: str
    method: str
    set_size: int = Field(sa_type=BigInteger)
    set_root: str
    gross_location_ug_co2e: str
    gross_market_ug_co2e: str
    retired_g_co2e: str
    avoided_ug_co2e: str
    biogenic_co2_ug: str
    unscored_count: int
    unscored_json: str
    sealed_statement_key: bytes
    manifest: bytes
    manifest_hash_hex: str = Field(unique=True)
    public_token: str = Field(unique=True)
    state: str
    created_at: datetime = Field(sa_type=UtcDateTime)


class Line(_Row, table=True):
    """One line of a statement: its canonical bytes, and what a list filters by."""

    __tablename__ = "line"
    statement_id: str = Field(primary_key=True, foreign_key="statement.id")
    position: int = Field(primary_key=True)
    canonical: bytes
    month_ym: int
    kind: str
    basis: str
    total_ug_co2e: str


class StatementInput(_Row, table=True):
    """One leaf of a statement's inputs root, kept as it was signed.

    `record_revision_id` is no foreign key: what it names can be erased while the statement stands.
    """

    __tablename__ = "statement_input"
    statement_id: str = Field(primary_key=True, foreign_key="statement.id")
    group_index: int = Field(primary_key=True)
    leaf_index: int = Field(primary_key=True)
    group_key: str
    record_revision_id: str = Field(index=True)
    month_ym: int
    leaf: bytes | None


class Endorsement(_Row, table=True):
    """A node's acceptance of a statement, or its findings."""

    __tablename__ = "endorsement"
    __table_args__ = (UniqueConstraint("manifest_hash_hex", "node_id"),)
    id: str = Field(primary_key=True)
    statement_id: str = Field(foreign_key="statement.id", index=True)
    node_id: str
    node_region: str
    signer_address: str
    manifest_hash_hex: str
    verdict: str
    findings_json: str
    created_at: datetime = Field(sa_type=UtcDateTime)


class Batch(_Row, table=True):
    """Issuances signed together."""

    __tablename__ = "batch"
    root_hex: str = Field(primary_key=True)
    count: int
    region: str
    method_hash_hex: str
    deadline_s: int = Field(sa_type=BigInteger)
    epoch: int = Field(sa_type=BigInteger)
    chain_id: int = Field(sa_type=BigInteger)
    contract: str
    signatures_json: str
    created_at: datetime = Field(sa_type=UtcDateTime)


class Issuance(_Row, table=True):
    """A statement on its way to the chain, and its place in a batch."""

    __tablename__ = "issuance"
    token_id_hex: str = Field(primary_key=True)
    statement_id: str = Field(foreign_key="statement.id", unique=True)
    batch_root_hex: str = Field(foreign_key="batch.root_hex", index=True)
    leaf_index: int
    proof_json: str
    issuance_json: str
    action: str


class Outbox(_Row, table=True):
    """A transaction that must reach the chain once; its key is a batch's root, or what names a revocation or a retirement."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_state_next_at", "state", "next_at"),
        Index("ix_outbox_signer_address_nonce", "signer_address", "nonce"),
    )
    root_hex: str = Field(primary_key=True)
    chain_id: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    contract: str = Field(sa_column_kwargs=_DEFAULT_EMPTY)
    action: str
    state: str
    payload_json: str
    signer_address: str = Field(sa_column_kwargs=_DEFAULT_EMPTY)
    nonce: int | None = Field(sa_type=BigInteger)
    raw: bytes | None
    signed_at: datetime | None = Field(sa_type=UtcDateTime)
    tx_hashes_json: str
    block_number: int | None = Field(sa_type=BigInteger)
    block_hash_hex: str | None
    attempts: int
    failed_tries_count: int = Field(sa_column_kwargs={"server_default": text("0")})
    next_at: datetime = Field(sa_type=UtcDateTime)
    error: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)


class FormerAnchor(_Row, table=True):
    """Where a root stood before it was anchored again on another chain, with what was signed there."""

    __tablename__ = "former_anchor"
    name: str = Field(primary_key=True)
    root_hex: str = Field(foreign_key="batch.root_hex", index=True)
    chain_id: int = Field(sa_type=BigInteger)
    contract: str
    action: str
    state: str
    deadline_s: int = Field(sa_type=BigInteger)
    epoch: int = Field(sa_type=BigInteger)
    signatures_json: str
    tx_hashes_json: str
    block_number: int | None = Field(sa_type=BigInteger)
    block_hash_hex: str | None
    left_at: datetime = Field(sa_type=UtcDateTime)


class ChainSigner(_Row, table=True):
    """An account that pays, the installation's: locked while one of its nonces is given, with the gas of a day."""

    __tablename__ = "chain_signer"
    name: str = Field(primary_key=True)
    day: str
    gas: int = Field(sa_type=BigInteger)


class Revocation(_Row, table=True):
    """A statement that its auditors withdrew, for good; the reason is sealed under the subject's key."""

    __tablename__ = "revocation"
    token_id_hex: str = Field(primary_key=True, foreign_key="issuance.token_id_hex")
    statement_id: str = Field(foreign_key="statement.id", unique=True)
    reason_hash_hex: str
    sealed_reason: bytes
    created_at: datetime = Field(sa_type=UtcDateTime)


class Retirement(_Row, table=True):
    """Units on the chain that are used up for a subject, for good."""

    __tablename__ = "retirement"
    beneficiary_hex: str = Field(primary_key=True)
    subject_id: str = Field(foreign_key="subject.id", index=True)
    token_id_hex: str
    kind: int
    amount: int = Field(sa_type=BigInteger)
    created_at: datetime = Field(sa_type=UtcDateTime)


class ShareLink(_Row, table=True):
    """A link that shows a statement's lines, or one record or group of it; only its token's hash is stored."""

    __tablename__ = "share_link"
    token_sha256: bytes = Field(primary_key=True)
    statement_id: str = Field(foreign_key="statement.id", index=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(sa_type=UtcDateTime)
    shown: str = Field(sa_column_kwargs={"server_default": text("'lines'")})


class Job(_Row, table=True):
    """Work to do, once per key."""

    __tablename__ = "job"
    __table_args__ = (Index("ix_job_state_next_at", "state", "next_at"),)
    key: str = Field(primary_key=True)
    kind: str
    payload_json: str
    state: str
    attempts: int
    next_at: datetime = Field(sa_type=UtcDateTime)
    lease_until: datetime | None = Field(sa_type=UtcDateTime)
    error: str
    created_at: datetime = Field(sa_type=UtcDateTime)


class IdempotencyKey(_Row, table=True):
    """A write that a client named, and the answer it got."""

    __tablename__ = "idempotency_key"
    scope: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    method_path: str
    request_sha256: bytes
    state: str
    status: int | None
    headers_json: str
    body: bytes | None
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)


class Meta(_Base, table=True):
    """Facts about the installation, such as the version of its data folder."""

    __tablename__ = "meta"
    key: str = Field(primary_key=True)
    value: str


def _table(model: type[SQLModel]) -> Table:
    return METADATA.tables[str(model.__tablename__)]


ACCOUNT = _table(Account)
SESSION = _table(SignInSession)
API_KEY = _table(ApiKey)
SUBJECT = _table(Subject)
SUBJECT_KEY = _table(SubjectKey)
MEMBERSHIP = _table(Membership)
CONNECTION = _table(Connection)
USAGE_POINT = _table(UsagePoint)
CONSENT_REQUEST = _table(ConsentRequest)
PROVIDER_CLIENT = _table(ProviderClient)
PROVIDER_RATE = _table(ProviderRate)
QUARANTINE = _table(Quarantine)
SYNC_RUN = _table(SyncRun)
DOCUMENT = _table(Document)
IMPORT_REPORT = _table(ImportReport)
WAITING_FILE = _table(WaitingFile)
DUPLICATE = _table(Duplicate)
RECORD = _table(Record)
RECORD_REVISION = _table(RecordRevision)
RECORD_DOCUMENT = _table(RecordDocument)
ACTIVITY_KEY = _table(ActivityKey)
ACTIVITY = _table(Activity)
ACTIVITY_TOTAL = _table(ActivityTotal)
RESOLUTION = _table(Resolution)
PERIOD = _table(Period)
STATEMENT = _table(Statement)
LINE = _table(Line)
STATEMENT_INPUT = _table(StatementInput)
ENDORSEMENT = _table(Endorsement)
BATCH = _table(Batch)
ISSUANCE = _table(Issuance)
OUTBOX = _table(Outbox)
FORMER_ANCHOR = _table(FormerAnchor)
CHAIN_SIGNER = _table(ChainSigner)
REVOCATION = _table(Revocation)
RETIREMENT = _table(Retirement)
SHARE_LINK = _table(ShareLink)
JOB = _table(Job)
IDEMPOTENCY_KEY = _table(IdempotencyKey)
META = _table(Meta)
