"""Accounts, their signed-in browsers and their API keys.

Looking up a login, a session token or a key prefix is how the tenant becomes known, so these three have no tenant filter.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.orm import Session

from app.store import tables
from app.store.rows import columns_of, found, insert_new, to_row, to_values
from app.store.tenant import of_tenant
from domain.errors import ConflictError

TOUCH_INTERVAL = timedelta(minutes=1)
"""Last use is written at most this often."""


@dataclass(frozen=True, slots=True)
class AccountRow:
    """Somebody who signs in.

    Attributes:
        id: Random text.
        tenant_id: The root subject it belongs to.
        login: Normalised; unique over all tenants.
        display_name: For people.
        password_hash: As argon2id writes it.
        registrar: The node that signed the account up.
        created_at: When.
    """

    id: str
    tenant_id: str
    login: str
    display_name: str
    password_hash: str
    registrar: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One signed-in browser.

    Attributes:
        token_sha256: SHA-256 of the token in its cookie, 32 bytes.
        tenant_id: Of its account.
        account_id: Whose it is.
        created_at: Sign-in.
        expires_at: End.
        last_seen_at: Last request, within a minute.
    """

    token_sha256: bytes
    tenant_id: str
    account_id: str
    created_at: datetime
    expires_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    """A program's key.

    Attributes:
        id: Random text.
        tenant_id: Of its account.
        account_id: Whose it is.
        prefix: What stands before its secret, `cf_test_...`; unique.
        secret_sha256: SHA-256 of the whole key, 32 bytes.
        scopes: Space-separated.
        created_at: When it was made.
        expires_at: End, or None.
        last_used_at: Last request, within a minute.
        revoked_at: When it was withdrawn.
    """

    id: str
    tenant_id: str
    account_id: str
    prefix: str
    secret_sha256: bytes
    scopes: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


def normalised_login(login: str) -> str:
    """A login as it is stored and compared: without outer space, in lower case."""
    return login.strip().casefold()


def add(session: Session, account: AccountRow) -> None:
    """Add an account.

    Args:
        session: The open transaction.
        account: Its fields; the login is normalised here.

    Raises:
        ConflictError: The login is taken.
    """
    values = to_values(account, login=normalised_login(account.login))
    if not insert_new(session, tables.ACCOUNT, values):
        raise ConflictError("This login is taken", expected="another one", record="account", next_step="Choose another login.")


def by_login(session: Session, login: str) -> AccountRow | None:
    """The account of a login, in any tenant."""
    table = tables.ACCOUNT
    row = session.execute(select(*columns_of(AccountRow, table)).where(table.c.login == normalised_login(login))).first()
    return None if row is None else to_row(AccountRow, row)


def by_id(session: Session, tenant_id: str, account_id: str) -> AccountRow:
    """The account of an id.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        account_id: Its id.

    Returns:
        The account.

    Raises:
        NotFoundError: There is none in this tenant.
    """
    table = tables.ACCOUNT
    query = of_tenant(select(*columns_of(AccountRow, table)).where(table.c.id == account_id), table, tenant_id)
    return to_row(AccountRow, found(session.execute(query).first(), "account", account_id))


def set_password_hash(session: Session, tenant_id: str, account_id: str, password_hash: str) -> None:
    """Replace an account's password hash."""
    table = tables.ACCOUNT
    change = update(table).where(table.c.id == account_id).values(password_hash=password_hash)
    session.execute(of_tenant(change, table, tenant_id))


def add_session(session: Session, row: SessionRow) -> None:
    """Keep a new signed-in browser."""
    session.execute(insert(tables.SESSION), to_values(row))


def live_session(session: Session, token_sha256: bytes, now: datetime) -> SessionRow | None:
    """The session of a token that has not expired; its last sight is noted at most once a minute."""
    table = tables.SESSION
    query = select(*columns_of(SessionRow, table)).where(table.c.token_sha256 == token_sha256, table.c.expires_at > now)
    row = session.execute(query).first()
    return None if row is None else to_row(SessionRow, row)


def touch_session(session: Session, row: SessionRow, now: datetime) -> None:
    """Note that a session was seen, at most once a minute."""
    if now - row.last_seen_at >= TOUCH_INTERVAL:
        table = tables.SESSION
        session.execute(update(table).where(table.c.token_sha256 == row.token_sha256).values(last_seen_at=now))


def end_session(session: Session, token_sha256: bytes) -> None:
    """Forget one signed-in browser."""
    session.execute(delete(tables.SESSION).where(tables.SESSION.c.token_sha256 == token_sha256))


def end_sessions_of(session: Session, tenant_id: str, account_id: str) -> None:
    """Forget every signed-in browser of an account."""
    table = tables.SESSION
    session.execute(of_tenant(delete(table).where(table.c.account_id == account_id), table, tenant_id))


def end_expired_sessions(session: Session, now: datetime) -> None:
    """Forget every session that has expired, in all tenants."""
    session.execute(delete(tables.SESSION).where(tables.SESSION.c.expires_at <= now))


def add_api_key(session: Session, row: ApiKeyRow) -> None:
    """Keep a new API key."""
    session.execute(insert(tables.API_KEY), to_values(row))


def live_api_key(session: Session, prefix: str, now: datetime) -> ApiKeyRow | None:
    """The key of a prefix that is neither revoked nor expired, in any tenant."""
    table = tables.API_KEY
    query = select(*columns_of(ApiKeyRow, table)).where(
        table.c.prefix == prefix,
        table.c.revoked_at.is_(None),
        or_(table.c.expires_at.is_(None), table.c.expires_at > now),
    )
    row = session.execute(query).first()
    return None if row is None else to_row(ApiKeyRow, row)


def api_keys_of(session: Session, tenant_id: str, account_id: str) -> tuple[ApiKeyRow, ...]:
    """All keys of an account, newest first."""
    table = tables.API_KEY
    query = select(*columns_of(ApiKeyRow, table)).where(table.c.account_id == account_id)
    rows = session.execute(of_tenant(query, table, tenant_id).order_by(table.c.created_at.desc(), table.c.id))
    return tuple(to_row(ApiKeyRow, row) for row in rows)


def touch_api_key(session: Session, row: ApiKeyRow, now: datetime) -> None:
    """Note that a key was used, at most once a minute."""
    if row.last_used_at is None or now - row.last_used_at >= TOUCH_INTERVAL:
        session.execute(update(tables.API_KEY).where(tables.API_KEY.c.id == row.id).values(last_used_at=now))


def revoke_api_key(session: Session, tenant_id: str, api_key_id: str, now: datetime) -> None:
    """Withdraw a key; a second time changes nothing."""
    table = tables.API_KEY
    change = update(table).where(table.c.id == api_key_id, table.c.revoked_at.is_(None)).values(revoked_at=now)
    session.execute(of_tenant(change, table, tenant_id))
