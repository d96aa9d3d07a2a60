"""Files that wait for a person's word about their columns: sealed, few, and gone after a day."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app.store import tables
from app.store.rows import columns_of, found, to_row, to_values
from app.store.tenant import of_tenant

MOST_COUNT = 3
"""Files of one subject that wait at once: the oldest makes room."""


@dataclass(frozen=True, slots=True)
class WaitingFileRow:
    """A file that was sent and not taken in yet.

    Attributes:
        id: Random text.
        tenant_id: Of the subject.
        subject_id: Whose.
        sealed_about: Its name, media type and what was said of its place, sealed under the subject's key.
        sealed_body: Its bytes, sealed under the subject's key.
        created_at: When it was sent.
        expires_at: Gone from then on.
    """

    id: str
    tenant_id: str
    subject_id: str
    sealed_about: bytes
    sealed_body: bytes
    created_at: datetime
    expires_at: datetime


def add(session: Session, row: WaitingFileRow) -> None:
    """Keep a file; of a subject's others, the newest stay, `MOST_COUNT` in all."""
    table = tables.WAITING_FILE
    mine = (
        select(table.c.id)
        .where(table.c.subject_id == row.subject_id)
        .order_by(table.c.created_at.desc(), table.c.id)
        .offset(MOST_COUNT - 1)
    )
    too_many = [one.id for one in session.execute(of_tenant(mine, table, row.tenant_id))]
    if too_many:
        session.execute(of_tenant(delete(table).where(table.c.id.in_(too_many)), table, row.tenant_id))
    session.execute(insert(table).values(to_values(row)))


def by_id(session: Session, tenant_id: str, subject_id: str, waiting_id: str, *, now: datetime) -> WaitingFileRow:
    """A file that waits.

    Args:
        session: The open transaction.
        tenant_id: The tenant.
        subject_id: Whose.
        waiting_id: Its id.
        now: The time.

    Returns:
        The row.

    Raises:
        NotFoundError: The subject has none of this id, or its time is over.
    """
    table = tables.WAITING_FILE
    query = select(*columns_of(WaitingFileRow, table)).where(
        table.c.id == waiting_id, table.c.subject_id == subject_id, table.c.expires_at > now
    )
    row = session.execute(of_tenant(query, table, tenant_id)).first()
    return to_row(WaitingFileRow, found(row, "waiting file", waiting_id))


def remove(session: Session, tenant_id: str, waiting_id: str) -> None:
    """Forget a file."""
    table = tables.WAITING_FILE
    session.execute(of_tenant(delete(table).where(table.c.id == waiting_id), table, tenant_id))


def prune(session: Session, now: datetime) -> None:
    """Forget files whose time is over, of every tenant."""
    table = tables.WAITING_FILE
    session.execute(delete(table).where(table.c.expires_at <= now))
