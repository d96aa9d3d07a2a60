"""Amounts of current activity, bare: what is taken along as Parquet."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.store import tables
from app.store.tenant import of_tenant

_ROWS_AT_ONCE_COUNT = 10_000


class Amount(NamedTuple):
    """One activity's amount.

    Attributes:
        month_ym: Local month.
        subject_id: Whose.
        key_id: Its activity key.
        quantity_micro: Millionths of the key's unit.
        evidence: How it is known.
    """

    month_ym: int
    subject_id: str
    key_id: str
    quantity_micro: int
    evidence: str


class KeyRow(NamedTuple):
    """One activity key, as the store has it."""

    key_id: str
    kind: str
    region: str
    year: int
    unit: str
    attributes_json: str


def amounts_of(session: Session, tenant_id: str, subject_id: str) -> Iterator[Amount]:
    """Every current activity of a subject, in no order.

    Args:
        session: The open transaction.
        tenant_id: The tenant.
        subject_id: Whose.

    Yields:
        Amounts, read as they are needed.
    """
    activity = tables.ACTIVITY
    query = select(
        activity.c.month_ym, activity.c.subject_id, activity.c.key_id, activity.c.quantity_micro, activity.c.evidence
    ).where(activity.c.subject_id == subject_id, activity.c.is_current)
    rows = session.execute(of_tenant(query, activity, tenant_id), execution_options={"yield_per": _ROWS_AT_ONCE_COUNT})
    for row in rows:
        yield Amount(*row)


def keys_of(session: Session, tenant_id: str) -> tuple[KeyRow, ...]:
    """Every activity key of a tenant, sorted by its id.

    Args:
        session: The open transaction.
        tenant_id: The tenant.

    Returns:
        Keys.
    """
    key = tables.ACTIVITY_KEY
    query = select(key.c.key_id, key.c.kind, key.c.region, key.c.year, key.c.unit, key.c.attributes_json).order_by(key.c.key_id)
    return tuple(KeyRow(*row) for row in session.execute(of_tenant(query, key, tenant_id)))
