"""Import reports: what became of each document that was taken in. The file's name is sealed by the caller."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, insert, select
from sqlalchemy.orm import Session

from app.store import subjects, tables
from app.store.rows import columns_of, found, to_row, to_values
from app.store.tenant import check_tenant, of_tenant
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
        inputs_sha256: Of all that a whole import was made from (`import_report.inputs_sha256`); empty where it is not to be
            found by it.
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
    inputs_sha256: str = ""


def add(session: Session, row: ImportRow) -> None:
    """Keep the report of an import.

    Args:
        session: The open transaction.
        row: The report.

    Raises:
        NotFoundError: There is no such subject in this tenant.
    """
    subjects.by_id(session, row.tenant_id, row.subject_id)
    session.execute(insert(tables.IMPORT_REPORT), to_values(row))


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


def has_read(session: Session, tenant_id: str, subject_id: str, inputs_sha256: str) -> bool:
    """Whether the very same inputs were taken in before, as a whole, and the original is still kept.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        subject_id: Whose.
        inputs_sha256: As the report of the import names them; not empty.
    """
    check_tenant(tenant_id)
    values = {"of_tenant": tenant_id, "of_subject": subject_id, "of_inputs": inputs_sha256}
    return session.execute(_reading(), values).first() is not None


@cache
def _reading() -> Select[Any]:
    """The statement of `has_read`, made once: it runs for every document that is pulled."""
    table, document = tables.IMPORT_REPORT, tables.DOCUMENT
    is_kept = (
        select(document.c.id)
        .where(
            document.c.tenant_id == bindparam("of_tenant"),
            document.c.subject_id == table.c.subject_id,
            document.c.sha256 == table.c.document_sha256,
        )
        .exists()
    )
    mine = (table.c.tenant_id == bindparam("of_tenant"), table.c.subject_id == bindparam("of_subject"))
    return select(table.c.id).where(*mine, table.c.inputs_sha256 == bindparam("of_inputs"), is_kept).limit(1)


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
