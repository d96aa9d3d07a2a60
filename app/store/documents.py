"""Documents: what is known about the original bytes; the sealed bytes themselves lie in an archive."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from app.store import subjects, tables
from app.store.rows import columns_of, found, insert_new, one_of, to_row, to_values
from app.store.tenant import of_tenant
from domain.activity import EvidenceClass
from domain.period import MonthRange


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """Original bytes as received.

    Attributes:
        id: Random text.
        tenant_id: Of the subject.
        subject_id: Whose.
        connector: What reads it.
        sha256: Of the original, 64 hexadecimal digits.
        stored_sha256: Of the sealed bytes in the archive, 64 hexadecimal digits.
        size_bytes: Length of the original.
        media_type: Such as "application/atom+xml".
        evidence: How it came.
        backend: Archive that holds it: "local".
        received_at: When.
    """

    id: str
    tenant_id: str
    subject_id: str
    connector: str
    sha256: str
    stored_sha256: str
    size_bytes: int
    media_type: str
    evidence: EvidenceClass
    backend: str
    received_at: datetime


def add(session: Session, document: DocumentRow) -> DocumentRow:
    """The document as it is kept: the one received first, where the subject has these bytes already.

    Args:
        session: The open transaction.
        document: What came.

    Returns:
        The kept row; its `id` differs from the given one where the bytes were known.

    Raises:
        NotFoundError: There is no such subject in this tenant.
    """
    subjects.by_id(session, document.tenant_id, document.subject_id)
    if insert_new(session, tables.DOCUMENT, to_values(document)):
        return document
    return by_sha256(session, document.tenant_id, document.subject_id, document.sha256)


def by_id(session: Session, tenant_id: str, document_id: str) -> DocumentRow:
    """The document of an id.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        document_id: Its id.

    Returns:
        The document.

    Raises:
        NotFoundError: There is none in this tenant.
    """
    row = one_of(session, DocumentRow, tables.DOCUMENT, tenant_id, id=document_id)
    return to_row(DocumentRow, found(row, "document", document_id))


def by_sha256(session: Session, tenant_id: str, subject_id: str, sha256: str) -> DocumentRow:
    """The document of a subject with this content.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        subject_id: Whose.
        sha256: Of the original, 64 hexadecimal digits.

    Returns:
        The document.

    Raises:
        NotFoundError: There is none in this tenant.
    """
    row = one_of(session, DocumentRow, tables.DOCUMENT, tenant_id, subject_id=subject_id, sha256=sha256)
    return to_row(DocumentRow, found(row, "document", sha256))


def of_subject(session: Session, tenant_id: str, subject_id: str) -> tuple[DocumentRow, ...]:
    """All documents of a subject, newest first."""
    table = tables.DOCUMENT
    query = select(*columns_of(DocumentRow, table)).where(table.c.subject_id == subject_id)
    rows = session.execute(of_tenant(query, table, tenant_id).order_by(table.c.received_at.desc(), table.c.id))
    return tuple(to_row(DocumentRow, row) for row in rows)


def of_revision(session: Session, tenant_id: str, record_revision_id: str) -> tuple[DocumentRow, ...]:
    """The documents that a record revision was taken from, oldest first."""
    table, link = tables.DOCUMENT, tables.RECORD_DOCUMENT
    query = (
        select(*columns_of(DocumentRow, table))
        .join(link, link.c.document_id == table.c.id)
        .where(link.c.record_revision_id == record_revision_id)
    )
    rows = session.execute(of_tenant(query, table, tenant_id).order_by(table.c.received_at, table.c.id))
    return tuple(to_row(DocumentRow, row) for row in rows)


def originals_count(
    session: Session, tenant_id: str, subject_id: str, months: MonthRange, *, attached_sha256s: Collection[str] = ()
) -> tuple[int, int]:
    """How many records have activity in these months, and how many of them an original that is more than typed.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        subject_id: Whose.
        months: Month labels.
        attached_sha256s: Typed bills with a file attached; they count as having an original.

    Returns:
        Both counts; the second is at most the first.
    """
    activity, link, document = tables.ACTIVITY, tables.RECORD_DOCUMENT, tables.DOCUMENT
    current = (
        select(activity.c.record_revision_id)
        .where(
            activity.c.subject_id == subject_id,
            activity.c.month_ym >= months.first.ym,
            activity.c.month_ym < months.end.ym,
            activity.c.is_current,
        )
        .distinct()
    )
    mine = of_tenant(current, activity, tenant_id).subquery()
    backed = (
        select(func.count(link.c.record_revision_id.distinct()))
        .join(mine, mine.c.record_revision_id == link.c.record_revision_id)
        .join(document, document.c.id == link.c.document_id)
        .where(or_(document.c.evidence != str(EvidenceClass.TYPED), document.c.sha256.in_(attached_sha256s)))
    )
    records_count = session.execute(select(func.count()).select_from(mine)).scalar_one()
    return int(records_count), int(session.execute(of_tenant(backed, link, tenant_id)).scalar_one())


def remove(session: Session, tenant_id: str, document_id: str) -> None:
    """Forget a document and its links to records; the caller deletes the archived bytes."""
    table, link = tables.DOCUMENT, tables.RECORD_DOCUMENT
    session.execute(of_tenant(delete(link).where(link.c.document_id == document_id), link, tenant_id))
    session.execute(of_tenant(delete(table).where(table.c.id == document_id), table, tenant_id))
