"""Jobs: work to do, once per key, claimed with a lease by whoever is free.

Durability: a job is there when the transaction that enqueued it commits, and stays until it is done or has failed. Ordering:
oldest due first, no promise beyond; what is urgent counts as due for longer. Concurrency: a claim is exclusive until its lease
ends, which its worker may extend; a worker that lost its lease cannot finish the job any more (attempts and the lease's end are
its token).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from app.store import tables
from app.store.rows import columns_of, insert_new, to_row
from app.store.tenant import of_tenant
from domain.errors import ConflictError

MOST_TRIES_COUNT = 8
"""Tries after which a job is given up and shown."""


class JobState(StrEnum):
    """Where a job stands."""

    TODO = "todo"
    DOING = "doing"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class JobRow:
    """Work to do.

    Attributes:
        key: Unique: what is done, for whom, for which window.
        tenant_id: For whom.
        kind: What to do.
        payload_json: With what.
        state: Where it stands.
        attempts: How often it was tried; waiting for what does not answer is no try.
        next_at: Not before this instant.
        lease_until: Until when the present claim holds.
        error: Last failure: its code and class, without personal data.
        created_at: When it was enqueued.
    """

    key: str
    tenant_id: str
    kind: str
    payload_json: str
    state: JobState
    attempts: int
    next_at: datetime
    lease_until: datetime | None
    error: str
    created_at: datetime


def enqueue(
    session: Session, tenant_id: str, key: str, kind: str, payload_json: str, *, now: datetime, next_at: datetime | None = None
) -> bool:
    """Ask for work; False where this key was asked for before, which changes nothing.

    Args:
        session: The open transaction.
        tenant_id: For whom.
        key: Unique.
        kind: What to do.
        payload_json: With what.
        now: The time.
        next_at: Not before this instant; at once where left out.

    Returns:
        Whether it is new.
    """
    values = {
        "key": key,
        "tenant_id": tenant_id,
        "kind": kind,
        "payload_json": payload_json,
        "state": str(JobState.TODO),
        "attempts": 0,
        "next_at": next_at or now,
        "lease_until": None,
        "error": "",
        "created_at": now,
    }
    return insert_new(session, tables.JOB, values)


def ask_again(session: Session, tenant_id: str, key: str, *, now: datetime) -> bool:
    """Have a job that failed or is done, done again at once; False, and nothing changed, where it is still on its way.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        key: Which job.
        now: The time.
    """
    table = tables.JOB
    over = [str(JobState.FAILED), str(JobState.DONE)]
    values = {"state": str(JobState.TODO), "attempts": 0, "next_at": now, "lease_until": None, "error": "", "created_at": now}
    again = update(table).where(table.c.key == key, table.c.state.in_(over)).values(values).returning(table.c.key)
    return session.execute(of_tenant(again, table, tenant_id)).first() is not None


def has_due(session: Session, now: datetime, *, kinds: Iterable[str] = ()) -> bool:
    """Whether `claim` would find a job: asked in a transaction that only reads, it costs no writer its turn.

    Args:
        session: The open transaction.
        now: The time.
        kinds: Only these; all where left out.
    """
    query = select(tables.JOB.c.key).where(_is_due(now), *_of_kinds(kinds)).limit(1)
    return session.execute(query).first() is not None


def claim(
    session: Session, now: datetime, *, lease_s: float, kinds: Iterable[str] = (), most_tries_count: int = MOST_TRIES_COUNT
) -> JobRow | None:
    """The next job that is due, of any tenant, or one whose worker's lease has ended.

    A job whose workers died as often as a job is tried is given up here: nobody else would.

    Args:
        session: A transaction of its own; commit it before working.
        now: The time.
        lease_s: How long the job stays ours, seconds.
        kinds: Only these; all where left out.
        most_tries_count: Tries after which a job is given up.

    Returns:
        The job, oldest due first, or None where nothing is due.
    """
    table = tables.JOB
    given_up = {"state": str(JobState.FAILED), "lease_until": None, "error": "its worker died each time"}
    too_often = update(table).where(_is_left(now), table.c.attempts >= most_tries_count, *_of_kinds(kinds))
    session.execute(too_often.values(given_up))
    due = select(table.c.key).where(_is_due(now), *_of_kinds(kinds)).order_by(table.c.next_at, table.c.key).limit(1)
    due = due.with_for_update(skip_locked=True)
    taken = (
        update(table)
        .where(table.c.key == due.scalar_subquery())
        .values(state=str(JobState.DOING), attempts=table.c.attempts + 1, lease_until=now + timedelta(seconds=lease_s))
        .returning(*columns_of(JobRow, table))
    )
    row = session.execute(taken).first()
    return None if row is None else to_row(JobRow, row)


def extend(session: Session, job: JobRow, lease_until: datetime) -> JobRow:
    """Keep a claimed job for longer.

    Args:
        session: The open transaction.
        job: As `claim` or `extend` gave it.
        lease_until: Until when.

    Returns:
        The job with its new lease: only this one can be finished now.

    Raises:
        ConflictError: The lease ended and somebody else has it.
    """
    _leave(session, job, {"lease_until": lease_until})
    return replace(job, lease_until=lease_until)


def finish(session: Session, job: JobRow) -> None:
    """Note that a claimed job is done.

    Args:
        session: The open transaction: the one that holds the job's effects.
        job: As `claim` gave it.

    Raises:
        ConflictError: The lease ended and somebody else has it.
    """
    _leave(session, job, {"state": str(JobState.DONE), "lease_until": None, "error": ""})


def retry_at(session: Session, job: JobRow, next_at: datetime, error: str) -> None:
    """Put a claimed job back for later.

    Args:
        session: The open transaction.
        job: As `claim` gave it.
        next_at: Not before this instant.
        error: What failed, without personal data.

    Raises:
        ConflictError: The lease ended and somebody else has it.
    """
    _leave(session, job, {"state": str(JobState.TODO), "lease_until": None, "error": error, "next_at": next_at})


def wait_until(session: Session, job: JobRow, next_at: datetime, error: str) -> None:
    """Put a claimed job back because something that it needs does not answer: that was no try.

    Args:
        session: The open transaction.
        job: As `claim` gave it.
        next_at: Not before this instant.
        error: What does not answer, without personal data.

    Raises:
        ConflictError: The lease ended and somebody else has it.
    """
    values = {"state": str(JobState.TODO), "lease_until": None, "error": error, "next_at": next_at}
    _leave(session, job, values | {"attempts": job.attempts - 1})


def fail(session: Session, job: JobRow, error: str) -> None:
    """Give a claimed job up; it stays, for people to see.

    Args:
        session: The open transaction.
        job: As `claim` gave it.
        error: What failed, without personal data.

    Raises:
        ConflictError: The lease ended and somebody else has it.
    """
    _leave(session, job, {"state": str(JobState.FAILED), "lease_until": None, "error": error})


def by_key(session: Session, tenant_id: str, key: str) -> JobRow | None:
    """The job of a key, or None."""
    table = tables.JOB
    row = session.execute(of_tenant(select(*columns_of(JobRow, table)).where(table.c.key == key), table, tenant_id)).first()
    return None if row is None else to_row(JobRow, row)


def failed(session: Session, tenant_id: str) -> tuple[JobRow, ...]:
    """The jobs of a tenant that were given up, oldest first."""
    table = tables.JOB
    query = of_tenant(select(*columns_of(JobRow, table)).where(table.c.state == str(JobState.FAILED)), table, tenant_id)
    return tuple(to_row(JobRow, row) for row in session.execute(query.order_by(table.c.created_at, table.c.key)))


def everybody_failed(session: Session) -> tuple[JobRow, ...]:
    """The jobs of all tenants that were given up, oldest first: for the operator."""
    table = tables.JOB
    query = select(*columns_of(JobRow, table)).where(table.c.state == str(JobState.FAILED))
    return tuple(to_row(JobRow, row) for row in session.execute(query.order_by(table.c.created_at, table.c.key)))


def count_by_state(session: Session) -> dict[JobState, int]:
    """How many jobs are in each state, over all tenants."""
    table = tables.JOB
    rows = session.execute(select(table.c.state, func.count()).group_by(table.c.state))
    counts = {JobState(state): count for state, count in rows}
    return {state: counts.get(state, 0) for state in JobState}


def prune(session: Session, before: datetime) -> None:
    """Forget jobs that are done and were enqueued before an instant; their keys may be asked for again."""
    table = tables.JOB
    session.execute(delete(table).where(table.c.state == str(JobState.DONE), table.c.created_at < before))


def _is_left(now: datetime) -> ColumnElement[bool]:
    table = tables.JOB
    return and_(table.c.state == str(JobState.DOING), table.c.lease_until <= now)


def _is_due(now: datetime) -> ColumnElement[bool]:
    table = tables.JOB
    return or_(and_(table.c.state == str(JobState.TODO), table.c.next_at <= now), _is_left(now))


def _of_kinds(kinds: Iterable[str]) -> tuple[ColumnElement[bool], ...]:
    wanted = tuple(kinds)
    return (tables.JOB.c.kind.in_(wanted),) if wanted else ()


def _leave(session: Session, job: JobRow, values: dict[str, object]) -> None:
    table = tables.JOB
    left = (
        update(table)
        .where(
            table.c.key == job.key,
            table.c.state == str(JobState.DOING),
            table.c.attempts == job.attempts,
            table.c.lease_until == job.lease_until,
        )
        .values(values)
        .returning(table.c.key)
    )
    if session.execute(of_tenant(left, table, job.tenant_id)).first() is None:
        raise ConflictError(
            "This job is no longer ours", expected=f"attempt {job.attempts}", got="another one", record=f"job {job.key}"
        )
