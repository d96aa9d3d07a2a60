"""Runs of syncs: what each brought so far, for people who watch and for support."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache

from sqlalchemy import Delete, Update, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from app.store import tables
from app.store.rows import columns_of, found, to_row, to_values
from app.store.tenant import check_tenant, of_tenant

KEPT_COUNT = 50
"""Runs of a connection that are kept."""


class SyncState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    DONE = "done"
    WAITING = "waiting"
    """The provider asked to come back later; the next run goes on."""
    FAILED = "failed"
    DIED = "died"
    """Its process ended in the middle; the next run went on."""


@dataclass(frozen=True, slots=True)
class SyncRunRow:
    """One sync of a connection.

    Attributes:
        id: Random text.
        tenant_id: Of the connection.
        connection_id: Which.
        started_at: When it began.
        ended_at: When it ended; None while it runs.
        documents_count: Documents that were fetched and stored.
        new_count: Records that were new.
        changed_count: Records that were corrected or taken back.
        refused_count: Records that could not be used and are held.
        state: Where it stands.
        error_code: Stable name of the error that ended it; empty where none did.
        said: What became of it, for a person.
    """

    id: str
    tenant_id: str
    connection_id: str
    started_at: datetime
    ended_at: datetime | None = None
    documents_count: int = 0
    new_count: int = 0
    changed_count: int = 0
    refused_count: int = 0
    state: SyncState = SyncState.RUNNING
    error_code: str = ""
    said: str = ""


def begin(session: Session, run: SyncRunRow) -> None:
    """Note that a sync begins; one of the same connection that never ended has died. Old runs are forgotten."""
    check_tenant(run.tenant_id)
    mine = {"of_tenant": run.tenant_id, "of_connection": run.connection_id}
    session.execute(_dying(), mine | {"new_end": run.started_at})
    session.execute(insert(tables.SYNC_RUN), to_values(run))
    session.execute(_forgetting(), mine | {"but_id": run.id})


@cache
def _dying() -> Update:
    table = tables.SYNC_RUN
    mine = (table.c.connection_id == bindparam("of_connection"), table.c.tenant_id == bindparam("of_tenant"))
    return update(table).where(*mine, table.c.ended_at.is_(None)).values(state=str(SyncState.DIED), ended_at=bindparam("new_end"))


@cache
def _forgetting() -> Delete:
    table = tables.SYNC_RUN
    mine = (table.c.connection_id == bindparam("of_connection"), table.c.tenant_id == bindparam("of_tenant"))
    newest = select(table.c.id).where(*mine).order_by(table.c.started_at.desc(), table.c.id).limit(KEPT_COUNT)
    return delete(table).where(*mine, table.c.id.not_in(newest), table.c.id != bindparam("but_id"))


def add_counts(
    session: Session,
    tenant_id: str,
    run_id: str,
    *,
    documents_count: int,
    new_count: int,
    changed_count: int,
    refused_count: int,
) -> None:
    """Add what one document brought, in the transaction that stores it."""
    session.execute(
        _adding(),
        {
            "of_tenant": tenant_id,
            "of_id": run_id,
            "more_documents": documents_count,
            "more_new": new_count,
            "more_changed": changed_count,
            "more_refused": refused_count,
        },
    )


@cache
def _adding() -> Update:
    """The statement of `add_counts`, made once: it runs for every document."""
    table = tables.SYNC_RUN
    return (
        update(table)
        .where(table.c.id == bindparam("of_id"), table.c.tenant_id == bindparam("of_tenant"))
        .values(
            documents_count=table.c.documents_count + bindparam("more_documents"),
            new_count=table.c.new_count + bindparam("more_new"),
            changed_count=table.c.changed_count + bindparam("more_changed"),
            refused_count=table.c.refused_count + bindparam("more_refused"),
        )
    )


def end(
    session: Session, tenant_id: str, run_id: str, state: SyncState, *, at: datetime, error_code: str = "", said: str = ""
) -> None:
    """Note that a sync has ended, and how.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        run_id: Which.
        state: How it ended.
        at: When.
        error_code: Stable name of the error that ended it.
        said: The same for a person.
    """
    check_tenant(tenant_id)
    values = {"new_state": str(state), "new_end": at, "new_code": error_code, "new_said": said}
    session.execute(_ending(), values | {"of_tenant": tenant_id, "of_id": run_id})


@cache
def _ending() -> Update:
    table = tables.SYNC_RUN
    values = {"state": "new_state", "ended_at": "new_end", "error_code": "new_code", "said": "new_said"}
    return (
        update(table)
        .where(table.c.id == bindparam("of_id"), table.c.tenant_id == bindparam("of_tenant"))
        .values({name: bindparam(value) for name, value in values.items()})
    )


def by_id(session: Session, tenant_id: str, run_id: str) -> SyncRunRow:
    """The run of an id.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        run_id: Its id.

    Returns:
        The run.

    Raises:
        NotFoundError: There is none in this tenant.
    """
    table = tables.SYNC_RUN
    query = of_tenant(select(*columns_of(SyncRunRow, table)).where(table.c.id == run_id), table, tenant_id)
    return to_row(SyncRunRow, found(session.execute(query).first(), "sync", run_id))


def of_connection(session: Session, tenant_id: str, connection_id: str, *, limit_count: int = 10) -> tuple[SyncRunRow, ...]:
    """The newest runs of a connection, newest first."""
    table = tables.SYNC_RUN
    query = select(*columns_of(SyncRunRow, table)).where(table.c.connection_id == connection_id)
    rows = session.execute(of_tenant(query, table, tenant_id).order_by(table.c.started_at.desc(), table.c.id).limit(limit_count))
    return tuple(to_row(SyncRunRow, row) for row in rows)


def remove_of_connection(session: Session, tenant_id: str, connection_id: str) -> None:
    """Forget the runs of a connection."""
    table = tables.SYNC_RUN
    session.execute(of_tenant(delete(table).where(table.c.connection_id == connection_id), table, tenant_id))
