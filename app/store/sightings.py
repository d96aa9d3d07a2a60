"""Records as what they may be the same as: kind, amount and days of everything that counts in some months."""

import json
import re
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.store import tables
from app.store.tenant import of_tenant
from domain.declared import DECLARED_USAGE_POINT, MONTH_ATTRIBUTE
from domain.duplicates import Sighting
from domain.errors import TimeError
from domain.period import MonthRange, instant_from_text, local_day, zone_of

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
CHUNK_COUNT = 500
"""Names in one `IN (...)`: under every database's limit."""


def of_subject(session: Session, tenant_id: str, subject_id: str, months: MonthRange) -> tuple[Sighting, ...]:
    """The records of a subject that count in some months, the first kind of each.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        subject_id: Whose.
        months: Month labels; a record that reaches out of them is seen as far as it lies in them.

    Returns:
        By record id.
    """
    month_ym = tables.ACTIVITY.c.month_ym
    return _read(session, tenant_id, subject_id, month_ym >= months.first.ym, month_ym < months.end.ym)


def of_records(session: Session, tenant_id: str, subject_id: str, record_ids: Iterable[str]) -> tuple[Sighting, ...]:
    """These records of a subject, as far as they count.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        subject_id: Whose.
        record_ids: Which.

    Returns:
        By record id.
    """
    names = sorted(set(record_ids))
    found: list[Sighting] = []
    for begin in range(0, len(names), CHUNK_COUNT):
        found += _read(session, tenant_id, subject_id, tables.RECORD.c.id.in_(names[begin : begin + CHUNK_COUNT]))
    return tuple(found)


def _read(session: Session, tenant_id: str, subject_id: str, *where: ColumnElement[bool]) -> tuple[Sighting, ...]:
    activity, key, record, revision = tables.ACTIVITY, tables.ACTIVITY_KEY, tables.RECORD, tables.RECORD_REVISION
    point = tables.USAGE_POINT
    query = (
        select(
            record.c.id,
            record.c.connection_id,
            record.c.usage_point,
            record.c.record_key,
            point.c.zone,
            key.c.kind,
            key.c.unit,
            func.min(key.c.attributes_json).label("attributes_json"),
            func.sum(activity.c.quantity_micro).label("quantity_micro"),
            func.min(activity.c.start_at).label("start_at"),
            func.max(activity.c.end_at).label("end_at"),
        )
        .join(revision, revision.c.id == activity.c.record_revision_id)
        .join(record, record.c.id == revision.c.record_id)
        .join(key, (key.c.tenant_id == activity.c.tenant_id) & (key.c.key_id == activity.c.key_id))
        .join(point, (point.c.connection_id == record.c.connection_id) & (point.c.name == record.c.usage_point))
        .where(activity.c.subject_id == subject_id, activity.c.is_current, *where)
        .group_by(
            record.c.id,
            record.c.connection_id,
            record.c.usage_point,
            record.c.record_key,
            point.c.zone,
            key.c.kind,
            key.c.unit,
        )
        .order_by(record.c.id, key.c.kind, key.c.unit)
    )
    rows = session.execute(of_tenant(query, activity, tenant_id)).all()
    return tuple(_sighting(next(group)) for _, group in groupby(rows, key=lambda row: row.id))


def _sighting(row: Any) -> Sighting:  # noqa: ANN401 - a row of the query above
    zone = zone_of(row.zone)
    attributes = {name: value for name, value in json.loads(row.attributes_json).items() if name != MONTH_ATTRIBUTE}
    return Sighting(
        record_id=row.id,
        connection_id=row.connection_id,
        kind=row.kind,
        attributes=attributes,
        quantity_micro=int(row.quantity_micro),
        unit=row.unit,
        start_date=local_day(row.start_at, zone),
        end_date=local_day(row.end_at, zone),
        is_metered=row.usage_point != DECLARED_USAGE_POINT,
        began_s=_began_s(row.record_key),
    )


def _began_s(record_key: str) -> int | None:
    """When a record began whose name at its source starts with an instant: `2024-03-04T07:31:00Z/car`."""
    text, slash, _ = record_key.partition("/")
    if not slash or not _INSTANT.fullmatch(text):
        return None
    try:
        return int(instant_from_text(text).timestamp())
    except TimeError:
        return None
