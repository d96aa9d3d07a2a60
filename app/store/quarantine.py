"""Quarantine: what was fetched and could not be used, record by record, with the reason; the original lies in the archive.

The same record of the same document is held once, however often it is read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.store import tables
from app.store.rows import columns_of, found, to_row
from app.store.tenant import of_tenant
from domain.canonical import to_canonical
from domain.errors import ClimateFitnessError

MOST_HELD_COUNT = 1000
"""Records of one document that are held; a document with more is broken as a whole, and its count says so."""


class QuarantineState(StrEnum):
    """What becomes of something that is held."""

    HELD = "held"
    RETRIED = "retried"
    """Read again, and it could still not be used."""
    RELEASED = "released"
    """Read again, and used."""


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """Something that is held.

    Attributes:
        id: Random text.
        tenant_id: Of the connection.
        subject_id: Whose.
        connection_id: Through which it came.
        document_sha256: The original, 64 hexadecimal digits.
        record: Which record of it; empty: the whole document.
        reason_json: Canonical JSON: code, message, expected, got, next_step.
        at: When it was first held.
        state: What became of it.
    """

    id: str
    tenant_id: str
    subject_id: str
    connection_id: str
    document_sha256: str
    record: str
    reason_json: str
    at: datetime
    state: QuarantineState


def hold(
    session: Session,
    tenant_id: str,
    subject_id: str,
    connection_id: str,
    refused: Sequence[ClimateFitnessError],
    *,
    document_sha256: str,
    at: datetime,
    new_id: Callable[[], str],
    is_whole: bool = False,
) -> None:
    """Hold what a document says and nobody can use.

    Args:
        session: The open transaction.
        tenant_id: The connection's tenant.
        subject_id: Whose.
        connection_id: Through which it came.
        refused: Each with its record and reason; at most `MOST_HELD_COUNT` are held.
        document_sha256: The original, 64 hexadecimal digits.
        at: Now.
        new_id: Gives a new random id at each call.
        is_whole: Whether the document itself is held, not a record of it.
    """
    rows = [
        {
            "id": new_id(),
            "tenant_id": tenant_id,
            "subject_id": subject_id,
            "connection_id": connection_id,
            "document_sha256": document_sha256,
            "record": "" if is_whole else one.record,
            "reason_json": reason_json(one),
            "at": at,
            "state": str(QuarantineState.HELD),
        }
        for one in refused[:MOST_HELD_COUNT]
    ]
    if rows:
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        session.execute(dialect.insert(tables.QUARANTINE).on_conflict_do_nothing(), rows)


def hold_again(session: Session, tenant_id: str, connection_id: str, document_sha256: str, refused: ClimateFitnessError) -> None:
    """Note that a record that was read again could still not be used, and why.

    Args:
        session: The open transaction.
        tenant_id: The connection's tenant.
        connection_id: Through which it came.
        document_sha256: The original, 64 hexadecimal digits.
        refused: Its record and reason.
    """
    table = tables.QUARANTINE
    change = (
        update(table)
        .where(
            table.c.connection_id == connection_id,
            table.c.document_sha256 == document_sha256,
            table.c.record == refused.record,
        )
        .values(state=str(QuarantineState.RETRIED), reason_json=reason_json(refused))
    )
    session.execute(of_tenant(change, table, tenant_id))


def reason_json(error: ClimateFitnessError) -> str:
    """Why something is held, as it is kept."""
    reason = {
        "code": error.code,
        "message": error.message,
        "expected": error.expected,
        "got": error.got,
        "next_step": error.next_step,
    }
    return to_canonical(reason).decode()


def of_connection(session: Session, tenant_id: str, connection_id: str, *, limit_count: int = 100) -> tuple[QuarantineRow, ...]:
    """What is held of a connection, newest first.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        connection_id: Which.
        limit_count: At most so many.

    Returns:
        Rows that are not released.
    """
    table = tables.QUARANTINE
    query = select(*columns_of(QuarantineRow, table)).where(
        table.c.connection_id == connection_id, table.c.state != str(QuarantineState.RELEASED)
    )
    rows = session.execute(of_tenant(query, table, tenant_id).order_by(table.c.at.desc(), table.c.id).limit(limit_count))
    return tuple(to_row(QuarantineRow, row) for row in rows)


def by_id(session: Session, tenant_id: str, quarantine_id: str) -> QuarantineRow:
    """What is held under an id.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        quarantine_id: Its id.

    Returns:
        The row.

    Raises:
        NotFoundError: There is none in this tenant.
    """
    table = tables.QUARANTINE
    query = of_tenant(select(*columns_of(QuarantineRow, table)).where(table.c.id == quarantine_id), table, tenant_id)
    return to_row(QuarantineRow, found(session.execute(query).first(), "held record", quarantine_id))


def held_count(session: Session, tenant_id: str, connection_id: str) -> int:
    """How much of a connection is held and not released."""
    table = tables.QUARANTINE
    query = (
        select(func.count())
        .select_from(table)
        .where(table.c.connection_id == connection_id, table.c.state != str(QuarantineState.RELEASED))
    )
    return int(session.execute(of_tenant(query, table, tenant_id)).scalar_one())


def connections_with_held(session: Session) -> tuple[tuple[str, str], ...]:
    """Tenant and id of every connection, of any tenant, of which something is held and not released."""
    table = tables.QUARANTINE
    query = (
        select(table.c.tenant_id, table.c.connection_id)
        .where(table.c.state != str(QuarantineState.RELEASED))
        .distinct()
        .order_by(table.c.connection_id)
    )
    return tuple((row.tenant_id, row.connection_id) for row in session.execute(query))


def held_documents_count(session: Session, tenant_id: str, connection_id: str) -> int:
    """Of how many documents of a connection something is held and not released."""
    table = tables.QUARANTINE
    query = (
        select(func.count(table.c.document_sha256.distinct()))
        .select_from(table)
        .where(table.c.connection_id == connection_id, table.c.state != str(QuarantineState.RELEASED))
    )
    return int(session.execute(of_tenant(query, table, tenant_id)).scalar_one())


def set_state_of_document(
    session: Session, tenant_id: str, connection_id: str, document_sha256: str, state: QuarantineState
) -> None:
    """Note what became of everything that is held of a document."""
    table = tables.QUARANTINE
    change = (
        update(table)
        .where(table.c.connection_id == connection_id, table.c.document_sha256 == document_sha256)
        .values(state=str(state))
    )
    session.execute(of_tenant(change, table, tenant_id))


def remove_of_connection(session: Session, tenant_id: str, connection_id: str) -> None:
    """Forget what is held of a connection."""
    table = tables.QUARANTINE
    session.execute(of_tenant(delete(table).where(table.c.connection_id == connection_id), table, tenant_id))
