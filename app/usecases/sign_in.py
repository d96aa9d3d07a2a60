"""Signing in: passwords, opaque sessions, links that sign a demo's visitor in, and API keys."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.security.api_keys import KeyMode, new_api_key, read_api_key
from app.security.passwords import Passwords
from app.security.sessions import NewToken, new_token, token_sha256
from app.services import Services, Work
from app.store import accounts
from app.store.accounts import AccountRow, ApiKeyRow, SessionRow
from app.store.session import Session, unit_of_work
from domain.errors import SecurityError

READ_SCOPE = "read"
WRITE_SCOPE = "write"
"""Scopes of API keys: look at, and change, what the account may."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody whose request it is.

    Attributes:
        tenant_id: Their tenant.
        account_id: Their account.
        display_name: For people.
        scopes: What they may do; a signed-in person may do everything that their roles allow.
        is_program: Whether an API key asks.
    """

    tenant_id: str
    account_id: str
    display_name: str
    scopes: frozenset[str]
    is_program: bool


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What is known of an account when it is made.

    Attributes:
        login: Name to sign in with.
        display_name: For people.
        password: As typed.
        tenant_id: Its tenant.
    """

    login: str
    display_name: str
    password: str
    tenant_id: str


def create_account(work: Work, new: NewAccount) -> AccountRow:
    """Make an account.

    Args:
        work: The open transaction and the services.
        new: What is known of it.

    Returns:
        The account.

    Raises:
        InputError: The password is too short or too long.
        ConflictError: The login is taken.
    """
    services = work.services
    account = AccountRow(
        id=services.randomness.id(),
        tenant_id=new.tenant_id,
        login=new.login,
        display_name=new.display_name,
        password_hash=Passwords(services.randomness.bytes).hash(new.password),
        registrar=services.auditor.node_id,
        created_at=services.clock.now(),
    )
    accounts.add(work.session, account)
    return account


def set_password(services: Services, account: AccountRow, password: str) -> None:
    """Give an account another password, and end every session of it.

    Args:
        services: The installation; no transaction is open while the password is hashed.
        account: Whose.
        password: As typed.

    Raises:
        InputError: It is too short or too long.
    """
    hashed = Passwords(services.randomness.bytes).hash(password)
    with unit_of_work(services.engine) as session:
        accounts.set_password_hash(session, account.tenant_id, account.id, hashed)
        accounts.end_sessions_of(session, account.tenant_id, account.id)


def verified_account(session: Session, passwords: Passwords, login: str, password: str) -> AccountRow:
    """The account of a login and its password; it only reads, so that no writer waits while a password is hashed.

    Args:
        session: The open transaction.
        passwords: Verifies, two at a time.
        login: As typed.
        password: As typed.

    Returns:
        The account.

    Raises:
        SecurityError: Unknown login or wrong password; the two take the same time and say the same.
    """
    account = accounts.by_login(session, login)
    if not passwords.verify(account.password_hash if account else None, password) or account is None:
        raise SecurityError("Login or password is wrong", next_step="Try again, or ask for a new password.")
    return account


def start_session(work: Work, account: AccountRow, *, former_token: str = "") -> NewToken:
    """A new session of an account; the browser's former session ends.

    Args:
        work: The open transaction and the services.
        account: Whose.
        former_token: The session cookie that the browser has.

    Returns:
        The token for its cookie.
    """
    services = work.services
    former = token_sha256(former_token)
    if former is not None:
        accounts.end_session(work.session, former)
    lifetime = timedelta(hours=services.settings.session_hours)
    token = new_token(services.randomness.bytes, services.clock.now(), lifetime=lifetime)
    accounts.add_session(
        work.session,
        SessionRow(
            token.token_sha256, account.tenant_id, account.id, token.created_at, token.expires_at, last_seen_at=token.created_at
        ),
    )
    return token


def sign_out(session: Session, token: str) -> None:
    """End the session of a cookie; junk changes nothing."""
    digest = token_sha256(token)
    if digest is not None:
        accounts.end_session(session, digest)


def caller_of_session(session: Session, token: str, now: datetime) -> Caller | None:
    """Whose session a cookie is, or None."""
    digest = token_sha256(token)
    row = accounts.live_session(session, digest, now) if digest else None
    if row is None:
        return None
    account = accounts.by_id(session, row.tenant_id, row.account_id)
    return Caller(account.tenant_id, account.id, account.display_name, frozenset({READ_SCOPE, WRITE_SCOPE}), is_program=False)


def caller_of_key(session: Session, text: str, now: datetime) -> Caller | None:
    """Whose API key a text is, or None; a mistyped one never reaches the database."""
    presented = read_api_key(text)
    row = accounts.live_api_key(session, presented.prefix, now) if presented else None
    if presented is None or row is None or not presented.fits(row.secret_sha256):
        return None
    account = accounts.by_id(session, row.tenant_id, row.account_id)
    return Caller(account.tenant_id, account.id, account.display_name, frozenset(row.scopes.split()), is_program=True)


def make_api_key(work: Work, account: AccountRow, mode: KeyMode, *, lifetime: timedelta | None = None) -> str:
    """A new API key of an account, shown once.

    Args:
        work: The open transaction and the services.
        account: Whose.
        mode: Test or live.
        lifetime: How long it holds; for ever where left out.

    Returns:
        The whole key.
    """
    services: Services = work.services
    now = services.clock.now()
    key = new_api_key(mode, services.randomness.bytes)
    accounts.add_api_key(
        work.session,
        ApiKeyRow(
            id=services.randomness.id(),
            tenant_id=account.tenant_id,
            account_id=account.id,
            prefix=key.prefix,
            secret_sha256=key.secret_sha256,
            scopes=f"{READ_SCOPE} {WRITE_SCOPE}",
            created_at=now,
            expires_at=now + lifetime if lifetime else None,
            last_used_at=None,
            revoked_at=None,
        ),
    )
    return key.key
