"""What an auditor is sent of statements, read for many of them with as many queries as one would need."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.store import tables
from app.store.documents import DocumentRow
from app.store.rows import columns_of, to_row
from app.store.statements import StatementRow
from app.store.subjects import SubjectKeyRow
from domain.declared import DECLARED_USAGE_POINT

_CHUNK_COUNT = 400
"""Ids in one `IN (...)`: under every database's limit."""


@dataclass(frozen=True, slots=True)
class DeclaredTrail:
    """The originals that speak about one declared activity.

    Attributes:
        connector: Which connector read them.
        sources: SHA-256 of each, and when we took it in; in the order in which they came.
    """

    connector: str
    sources: tuple[tuple[str, datetime], ...]


@dataclass(slots=True)
class AuditFacts:
    """What is stored of one statement and its subject.

    Attributes:
        key: The subject's wrapped key; None where it was destroyed.
        leaves: Group key and canonical bytes of every leaf of the inputs, in their order; None once they are erased.
        lines: Canonical bytes of the lines, in their order.
        documents: The subject's originals by their SHA-256.
        trails: One for every declared activity of the subject, also where it counts no longer.
    """

    key: SubjectKeyRow | None = None
    leaves: list[tuple[str, bytes | None]] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    documents: Mapping[str, DocumentRow] = field(default_factory=dict)
    trails: Sequence[DeclaredTrail] = ()


def audit_facts_of(session: Session, statements: Sequence[StatementRow]) -> dict[str, AuditFacts]:
    """What is stored of these statements.

    Args:
        session: The open transaction.
        statements: Which, of any tenant: whoever has the rows was allowed to see them.

    Returns:
        By statement id.
    """
    facts = {one.id: AuditFacts() for one in statements}
    subject_ids = list(dict.fromkeys(one.subject_id for one in statements))
    for ids in _chunks(list(facts)):
        _read_leaves(session, ids, facts)
    keys: dict[str, SubjectKeyRow] = {}
    documents: dict[str, dict[str, DocumentRow]] = defaultdict(dict)
    trails: dict[str, list[DeclaredTrail]] = defaultdict(list)
    for ids in _chunks(subject_ids):
        keys |= _keys(session, ids)
        for one in _documents(session, ids):
            documents[one.subject_id][one.sha256] = one
        for subject_id, trail in _trails(session, ids):
            trails[subject_id].append(trail)
    for statement in statements:
        mine = facts[statement.id]
        mine.key = keys.get(statement.subject_id)
        mine.documents, mine.trails = documents[statement.subject_id], trails[statement.subject_id]
    return facts


def _read_leaves(session: Session, ids: Sequence[str], facts: Mapping[str, AuditFacts]) -> None:
    leaf, line = tables.STATEMENT_INPUT, tables.LINE
    leaves = (
        select(leaf.c.statement_id, leaf.c.group_key, leaf.c.leaf)
        .where(leaf.c.statement_id.in_(ids))
        .order_by(leaf.c.statement_id, leaf.c.group_index, leaf.c.leaf_index)
    )
    for statement_id, group_key, data in session.execute(leaves):
        facts[statement_id].leaves.append((group_key, data))
    lines = (
        select(line.c.statement_id, line.c.canonical)
        .where(line.c.statement_id.in_(ids))
        .order_by(line.c.statement_id, line.c.position)
    )
    for statement_id, data in session.execute(lines):
        facts[statement_id].lines.append(data)


def _keys(session: Session, ids: Sequence[str]) -> dict[str, SubjectKeyRow]:
    table = tables.SUBJECT_KEY
    query = select(*columns_of(SubjectKeyRow, table)).where(table.c.subject_id.in_(ids))
    return {row.subject_id: to_row(SubjectKeyRow, row) for row in session.execute(query)}


def _documents(session: Session, ids: Sequence[str]) -> Iterator[DocumentRow]:
    table = tables.DOCUMENT
    query = select(*columns_of(DocumentRow, table)).where(table.c.subject_id.in_(ids))
    return (to_row(DocumentRow, row) for row in session.execute(query))


def _trails(session: Session, ids: Sequence[str]) -> Iterator[tuple[str, DeclaredTrail]]:
    record, revision, connection = tables.RECORD, tables.RECORD_REVISION, tables.CONNECTION
    link, document = tables.RECORD_DOCUMENT, tables.DOCUMENT
    query = (
        select(record.c.id, record.c.subject_id, connection.c.connector, document.c.sha256, document.c.received_at)
        .join(revision, (revision.c.record_id == record.c.id) & (revision.c.revision == record.c.latest_revision))
        .join(connection, connection.c.id == record.c.connection_id)
        .join(link, link.c.record_revision_id == revision.c.id)
        .join(document, document.c.id == link.c.document_id)
        .where(connection.c.subject_id.in_(ids), record.c.usage_point == DECLARED_USAGE_POINT)
        .order_by(record.c.id, link.c.position)
    )
    for _, rows in groupby(session.execute(query), key=lambda row: row[0]):
        mine = list(rows)
        yield mine[0][1], DeclaredTrail(mine[0][2], tuple((row[3], row[4]) for row in mine))


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[first : first + _CHUNK_COUNT] for first in range(0, len(ids), _CHUNK_COUNT))
