"""Pairs of records that may be one thing, and what the person decided about them.

A pair stands once, by the record that would stand back. Which records are set aside is here and, for auditors, in a decision
document of their connector; both are written in one transaction.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from app.store import tables
from app.store.rows import all_of, columns_of, found, insert_new, to_row, to_values
from app.store.tenant import of_tenant

CHUNK_COUNT = 500
"""Names in one `IN (...)`: under every database's limit."""


class DuplicateState(StrEnum):
    """What was decided about a pair."""

    OPEN = "open"
    MERGED = "merged"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class DuplicateRow:
    """A pair.

    Attributes:
        id: Random text.
        tenant_id: Of the subject.
        subject_id: Whose.
        pair_key: Names the two records, whichever of them stands back.
        rule: Why they may be one thing.
        keep_record_id: The record that says more.
        aside_record_id: The record that stands back, or would.
        state: What was decided.
        found_at: When it was found.
        decided_at: When it was decided; None while it is open.
    """

    id: str
    tenant_id: str
    subject_id: str
    pair_key: str
    rule: str
    keep_record_id: str
    aside_record_id: str
    state: DuplicateState
    found_at: datetime
    decided_at: datetime | None


def pair_key(record_id: str, other_record_id: str) -> str:
    """The name of a pair, whichever record is named first."""
    return " ".join(sorted((record_id, other_record_id)))


def offer(session: Session, pair: DuplicateRow) -> bool:
    """Note an open pair; False, and nothing changed, where these two were offered before, however that was decided."""
    return insert_new(session, tables.DUPLICATE, to_values(pair))


def of_subject(session: Session, tenant_id: str, subject_id: str) -> tuple[DuplicateRow, ...]:
    """All pairs of a subject, oldest first."""
    return all_of(session, DuplicateRow, tables.DUPLICATE, tenant_id, ("found_at", "id"), subject_id=subject_id)


def open_count(session: Session, tenant_id: str, subject_id: str) -> int:
    """How many pairs of a subject nobody has decided yet."""
    table = tables.DUPLICATE
    query = select(func.count()).where(table.c.subject_id == subject_id, table.c.state == str(DuplicateState.OPEN))
    return int(session.execute(of_tenant(query, table, tenant_id)).scalar_one())


def subject_of(session: Session, tenant_id: str, duplicate_id: str) -> str:
    """The subject of a pair; empty where this tenant has none of this id."""
    table = tables.DUPLICATE
    query = select(table.c.subject_id).where(table.c.id == duplicate_id)
    return str(session.execute(of_tenant(query, table, tenant_id)).scalar_one_or_none() or "")


def by_id(session: Session, tenant_id: str, subject_id: str, duplicate_id: str) -> DuplicateRow:
    """The pair of an id.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        subject_id: Whose.
        duplicate_id: Its id.

    Returns:
        The pair.

    Raises:
        NotFoundError: The subject has none of this id.
    """
    table = tables.DUPLICATE
    query = select(*columns_of(DuplicateRow, table)).where(table.c.id == duplicate_id, table.c.subject_id == subject_id)
    row = session.execute(of_tenant(query, table, tenant_id)).first()
    return to_row(DuplicateRow, found(row, "duplicate", duplicate_id))


def decide(
    session: Session, tenant_id: str, duplicate_id: str, state: DuplicateState, *, aside_record_id: str, now: datetime
) -> None:
    """Note a decision.

    Args:
        session: The open transaction: the one that takes in the decision's document.
        tenant_id: Its tenant.
        duplicate_id: Which pair.
        state: What was decided; open again where a decision was taken back.
        aside_record_id: Which of the two stands back.
        now: The time.

    Raises:
        NotFoundError: There is none in this tenant.
    """
    table = tables.DUPLICATE
    row = of_tenant(select(table.c.keep_record_id, table.c.aside_record_id).where(table.c.id == duplicate_id), table, tenant_id)
    both = found(session.execute(row).first(), "duplicate", duplicate_id)
    keep = both.keep_record_id if aside_record_id == both.aside_record_id else both.aside_record_id
    values = {
        "state": str(state),
        "decided_at": None if state is DuplicateState.OPEN else now,
        "keep_record_id": keep,
        "aside_record_id": aside_record_id,
    }
    session.execute(of_tenant(update(table).where(table.c.id == duplicate_id).values(values), table, tenant_id))


def set_aside_keys(session: Session, tenant_id: str, connection_id: str, record_keys: Iterable[str]) -> frozenset[str]:
    """Which of these records of a connection are set aside.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        connection_id: The connection they came through.
        record_keys: Their names at the source.

    Returns:
        Record keys.
    """
    table, record = tables.DUPLICATE, tables.RECORD
    names = list(record_keys)
    keys: set[str] = set()
    for begin in range(0, len(names), CHUNK_COUNT):
        query = (
            select(record.c.record_key)
            .join(table, table.c.aside_record_id == record.c.id)
            .where(
                record.c.connection_id == connection_id,
                record.c.record_key.in_(names[begin : begin + CHUNK_COUNT]),
                table.c.state == str(DuplicateState.MERGED),
            )
        )
        keys |= set(session.execute(of_tenant(query, table, tenant_id)).scalars())
    return frozenset(keys)


def forget_open(session: Session, tenant_id: str, duplicate_ids: Iterable[str]) -> None:
    """Forget open pairs that are none any more: one of the two counts no longer, or says something else."""
    table = tables.DUPLICATE
    names = list(duplicate_ids)
    for begin in range(0, len(names), CHUNK_COUNT):
        gone = delete(table).where(table.c.id.in_(names[begin : begin + CHUNK_COUNT]), table.c.state == str(DuplicateState.OPEN))
        session.execute(of_tenant(gone, table, tenant_id))
