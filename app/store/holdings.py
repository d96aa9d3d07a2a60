"""What was obtained through one connection, and through no other: for deleting it."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.store import tables
from app.store.documents import DocumentRow
from app.store.rows import columns_of, to_row
from app.store.tenant import of_tenant
from domain.period import Month


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a connection brought.

    Attributes:
        months: Months with activity that counts.
        documents: Originals that nothing but this connection speaks of.
        statement_ids: Statements that were computed from it.
    """

    months: tuple[Month, ...]
    documents: tuple[DocumentRow, ...]
    statement_ids: tuple[str, ...]


def of_connection(session: Session, tenant_id: str, connection_id: str) -> Holdings:
    """What a connection brought, as it stands in this transaction.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        connection_id: Which.

    Returns:
        Its months, originals and statements.
    """
    record, revision, activity = tables.RECORD, tables.RECORD_REVISION, tables.ACTIVITY
    document, link, held = tables.DOCUMENT, tables.RECORD_DOCUMENT, tables.QUARANTINE
    mine = of_tenant(
        select(revision.c.id).join(record, record.c.id == revision.c.record_id).where(record.c.connection_id == connection_id),
        revision,
        tenant_id,
    )
    counting = select(activity.c.month_ym).where(activity.c.record_revision_id.in_(mine), activity.c.is_current).distinct()
    months = sorted(session.execute(of_tenant(counting, activity, tenant_id)).scalars())
    others = of_tenant(select(link.c.document_id).where(link.c.record_revision_id.not_in(mine)), link, tenant_id)
    linked = of_tenant(select(link.c.document_id).where(link.c.record_revision_id.in_(mine)), link, tenant_id)
    set_aside = of_tenant(select(held.c.document_sha256).where(held.c.connection_id == connection_id), held, tenant_id)
    owner = select(tables.CONNECTION.c.subject_id).where(tables.CONNECTION.c.id == connection_id)
    only_mine = (
        select(*columns_of(DocumentRow, document))
        .where(
            document.c.subject_id.in_(of_tenant(owner, tables.CONNECTION, tenant_id)),
            document.c.id.in_(linked) | document.c.sha256.in_(set_aside),
            document.c.id.not_in(others),
        )
        .order_by(document.c.received_at, document.c.id)
    )
    documents = session.execute(of_tenant(only_mine, document, tenant_id))
    leaf = tables.STATEMENT_INPUT
    used = select(leaf.c.statement_id).where(leaf.c.record_revision_id.in_(mine)).distinct()
    return Holdings(
        months=tuple(Month.from_ym(ym) for ym in months),
        documents=tuple(to_row(DocumentRow, row) for row in documents),
        statement_ids=tuple(sorted(session.execute(of_tenant(used, leaf, tenant_id)).scalars())),
    )
