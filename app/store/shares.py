"""Share links: who has one sees a statement's lines, or the one record or group that it is for."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app.store import tables
from app.store.rows import columns_of, to_row, to_values
from app.store.tenant import of_tenant

LINES = "lines"
"""A link that shows the lines."""


@dataclass(frozen=True, slots=True)
class ShareLinkRow:
    """A link that shows something of a statement.

    Attributes:
        token_sha256: SHA-256 of the token in its address, 32 bytes.
        tenant_id: Of the statement.
        statement_id: Which statement.
        created_at: When it was made.
        expires_at: End.
        revoked_at: When it was withdrawn.
        shown: What it shows: "lines", or "record:" and an id, or "group:" and its key.
    """

    token_sha256: bytes
    tenant_id: str
    statement_id: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    shown: str = LINES


def add(session: Session, link: ShareLinkRow) -> None:
    """Keep a new link."""
    session.execute(insert(tables.SHARE_LINK), to_values(link))


def live(session: Session, token_sha256: bytes, now: datetime) -> ShareLinkRow | None:
    """The link of a token that is neither withdrawn nor expired, in any tenant: the token is what the visitor knows."""
    table = tables.SHARE_LINK
    query = select(*columns_of(ShareLinkRow, table)).where(
        table.c.token_sha256 == token_sha256, table.c.expires_at > now, table.c.revoked_at.is_(None)
    )
    row = session.execute(query).first()
    return None if row is None else to_row(ShareLinkRow, row)


def of_statement(session: Session, tenant_id: str, statement_id: str) -> tuple[ShareLinkRow, ...]:
    """All links of a statement, newest first."""
    table = tables.SHARE_LINK
    query = select(*columns_of(ShareLinkRow, table)).where(table.c.statement_id == statement_id)
    rows = session.execute(of_tenant(query, table, tenant_id).order_by(table.c.created_at.desc(), table.c.token_sha256))
    return tuple(to_row(ShareLinkRow, row) for row in rows)


def revoke_all(session: Session, tenant_id: str, statement_id: str, now: datetime) -> None:
    """Withdraw every link of a statement; those withdrawn before keep their time."""
    table = tables.SHARE_LINK
    change = update(table).where(table.c.statement_id == statement_id, table.c.revoked_at.is_(None)).values(revoked_at=now)
    session.execute(of_tenant(change, table, tenant_id))
