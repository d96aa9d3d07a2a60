"""Import reports: what became of each document that was taken in. The file's name is sealed by the caller."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.store import subjects, tables
from app.store.rows import columns_of, found, to_row, to_values
from app.store.tenant import of_tenant
from domain.activity import EvidenceClass


@dataclass(frozen=True, slots=True)
class ImportRow:
    """What became of one document.

    Attributes:
        id: Random text.
        tenant_id: Of the subject.
        subject_id: Whose.
        document_sha256: Of the original, 64 hexadecimal digits.
        sealed_name: The file's name as it was given, sealed under the subject's key.
        at: When it was taken in.
        connector: What read it.
        evidence: How it is known.
        reading_count: Readings in the document.
        new_count: Meter days and spans that were new.
        changed_count: Those that the document corrected.
        same_count: Those that it repeated.
        refused_count: Parts that were not read.
        first_date: First local day; None where nothing was read.
        last_date: Last local day, inclusive; None where nothing was read.
        totals_json: Sums of what was read, a JSON array.
        refused_json: The first parts that were not read, each with its reason, a JSON array.
        notes_json: What a person should know, a JSON array of sentences.
        months_json: Months whose activity became other, a JSON array.
    """

    id: str
    tenant_id: str
    subject_id: str
    document_sha256: str
    sealed_name: bytes
    at: datetime
    connector: str
    evidence: EvidenceClass
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


def add(session: Session, row: ImportRow) -> None:
    """Keep the report of an import.

    Args:
        session: The open transaction.
        row: The report.

    Raises:
        NotFoundError: There is no such subject in this tenant.
    """
    subjects.by_id(session, row.tenant_id, row.subject_id)
    session.execute(insert(tables.IMPORT_REPORT).values(to_values(row)))


def by_id(session: Session, tenant_id: str, import_id: str) -> ImportRow:
    """The report of an id.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        import_id: Its id.

    Returns:
        The report.

    Raises:
        NotFoundError: There is none in this tenant.
    """
    table = tables.IMPORT_REPORT
    query = of_tenant(select(*columns_of(ImportRow, table)).where(table.c.id == import_id), table, tenant_id)
    return to_row(ImportRow, found(session.execute(query).first(), "import", import_id))


def latest(session: Session, tenant_id: str, subject_id: str, *, limit_count: int) -> tuple[ImportRow, ...]:
    """The newest imports of a subject, newest first, at most so many."""
    table = tables.IMPORT_REPORT
    query = select(*columns_of(ImportRow, table)).where(table.c.subject_id == subject_id)
    query = of_tenant(query, table, tenant_id).order_by(table.c.at.desc(), table.c.id).limit(limit_count)
    return tuple(to_row(ImportRow, row) for row in session.execute(query))


def sealed_names(session: Session, tenant_id: str, subject_id: str, sha256s: set[str]) -> Mapping[str, tuple[str, bytes]]:
    """Document hash to import id and sealed name, the newest import of each; a document without one is left out."""
    table = tables.IMPORT_REPORT
    query = select(table.c.document_sha256, table.c.id, table.c.sealed_name).where(
        table.c.subject_id == subject_id, table.c.document_sha256.in_(sha256s)
    )
    rows = session.execute(of_tenant(query, table, tenant_id).order_by(table.c.at, table.c.id))
    return {row.document_sha256: (row.id, row.sealed_name) for row in rows}
