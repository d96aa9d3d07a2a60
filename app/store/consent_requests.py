"""Consents on their way: somebody was sent to a provider, and will come back with the state that is kept here as a hash."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app.store import tables
from app.store.rows import columns_of, to_row, to_values


@dataclass(frozen=True, slots=True)
class ConsentRequestRow:
    """One way to a provider's consent page and back.

    Attributes:
        state_sha256: SHA-256 of the state; the state itself is never stored.
        tenant_id: Of the subject.
        account_id: Who was sent.
        session_sha256: SHA-256 of the browser session that was sent; empty on the command line.
        connector: Id of the connector.
        provider: Id of the provider.
        subject_id: Whose connection it becomes.
        connection_id: The connection that is consented to again; empty for a new one.
        sealed: PKCE verifier, nonce and the person's answers, sealed under the subject's key.
        redirect_uri: Exactly as it was sent.
        created_at: When.
        expires_at: Dead from then on.
    """

    state_sha256: bytes
    tenant_id: str
    account_id: str
    session_sha256: bytes
    connector: str
    provider: str
    subject_id: str
    connection_id: str
    sealed: bytes
    redirect_uri: str
    created_at: datetime
    expires_at: datetime


def add(session: Session, request: ConsentRequestRow) -> None:
    """Keep a consent on its way."""
    session.execute(insert(tables.CONSENT_REQUEST), to_values(request))


def take(session: Session, state_sha256: bytes, *, now: datetime) -> ConsentRequestRow | None:
    """The request of a state, gone with this transaction: a second answer with the same state finds nothing.

    The state alone names it, of any tenant: it is 256 bits of chance, and whoever answers may not be signed in any more.

    Args:
        session: The open transaction.
        state_sha256: SHA-256 of the state that came back.
        now: The time.

    Returns:
        The request, or None where there is none, or it has expired.
    """
    table = tables.CONSENT_REQUEST
    gone = delete(table).where(table.c.state_sha256 == state_sha256).returning(*columns_of(ConsentRequestRow, table))
    row = session.execute(gone).first()
    request = None if row is None else to_row(ConsentRequestRow, row)
    return request if request is not None and now < request.expires_at else None


def subject_of(session: Session, state_sha256: bytes, session_sha256: bytes) -> str:
    """The subject that a browser asked a consent for; empty where there is no such question of this browser.

    Args:
        session: The open transaction; nothing changes.
        state_sha256: SHA-256 of the state that came back.
        session_sha256: SHA-256 of the browser's session.
    """
    table = tables.CONSENT_REQUEST
    row = session.execute(
        select(table.c.subject_id).where(table.c.state_sha256 == state_sha256, table.c.session_sha256 == session_sha256)
    ).first()
    return "" if row is None else str(row.subject_id)


def prune(session: Session, now: datetime) -> None:
    """Forget requests that have expired."""
    table = tables.CONSENT_REQUEST
    session.execute(delete(table).where(table.c.expires_at <= now))
