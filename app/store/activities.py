"""Activities: exact totals for scoring, pages for lists, sums and profiles for figures. All of it current activity only."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from app.store import tables
from app.store.activity_rows import ActivityReader, select_activities
from app.store.activity_totals import SUM, select_totals, totals_of
from app.store.tenant import of_tenant
from domain.activity import Activity, ActivityKey, Profile
from domain.errors import InputError
from domain.period import Month, MonthRange
from domain.statement import ActivityTotal

MAX_PAGE_COUNT = 500
"""Longest page of a list."""

_ROWS_AT_ONCE_COUNT = 1_000
_CURSOR = re.compile(r"([0-9]{1,16})-([0-9]{1,18})\Z")


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """An activity with where it comes from.

    Attributes:
        activity_id: Its id in the store.
        record_revision_id: The record revision it follows from.
        record_id: The record.
        record_key: The source's name of it.
        usage_point: Meter point, or empty.
        connector: What read it.
        activity: What was measured.
    """

    activity_id: int
    record_revision_id: str
    record_id: str
    record_key: str
    usage_point: str
    connector: str
    activity: Activity


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """A part of a list.

    Attributes:
        items: Newest first.
        next_cursor: Where the next page begins; empty at the end.
    """

    items: tuple[ActivityRow, ...]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class MonthSum:
    """Activity of one kind in one month.

    Attributes:
        month: Local month.
        kind: Name of the kind.
        unit: Canonical unit.
        quantity_micro: Sum, millionths of the unit.
        activity_count: How many activities are in it.
    """

    month: Month
    kind: str
    unit: str
    quantity_micro: int
    activity_count: int


@dataclass(frozen=True, slots=True)
class SpanSum:
    """Activity of one kind measured over one span: a local day for meter days, longer for bills.

    Attributes:
        start: Begin, UTC.
        end: End, exclusive, UTC.
        month: Local month.
        kind: Name of the kind.
        unit: Canonical unit.
        quantity_micro: Sum over usage points, millionths of the unit.
    """

    start: datetime
    end: datetime
    month: Month
    kind: str
    unit: str
    quantity_micro: int


@dataclass(frozen=True, slots=True)
class DayProfile:
    """Interval values of one activity.

    Attributes:
        start: What the profile's starts count from, UTC.
        end: End of the activity, exclusive, UTC.
        key: Its key.
        profile: The values.
    """

    start: datetime
    end: datetime
    key: ActivityKey
    profile: Profile


def totals(session: Session, tenant_id: str, subject_id: str, months: MonthRange) -> tuple[ActivityTotal, ...]:
    """The exact sum of activity by month and key, as the database keeps it: no activity is read.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        subject_id: Whose.
        months: Month labels.

    Returns:
        One total per month and key, by month and key id.

    Raises:
        LineOverflowError: Magnitudes add up to 2^63 or more for a month and key, which is then named.

    Source:
        shared design, arithmetic, section 1.
    """
    query = of_tenant(select_totals(months).where(SUM.c.subject_id == subject_id), SUM, tenant_id)
    return tuple(totals_of(session.execute(query), ActivityReader()))


def page(
    session: Session,
    tenant_id: str,
    subject_id: str,
    *,
    cursor: str = "",
    limit_count: int = 50,
    months: MonthRange | None = None,
) -> ActivityPage:
    """A part of the list of activities, newest first.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        subject_id: Whose.
        cursor: `next_cursor` of the page before; empty for the first.
        limit_count: Longest page wanted, 1 to 500.
        months: Only these month labels; all where left out.

    Returns:
        The page. A row added meanwhile never moves what follows the cursor.

    Raises:
        InputError: The cursor is not one of ours, or the limit is out of range.
    """
    if not 1 <= limit_count <= MAX_PAGE_COUNT:
        raise InputError(expected=f"a limit from 1 to {MAX_PAGE_COUNT}", got=limit_count, record="limit")
    activity, record, revision = tables.ACTIVITY, tables.RECORD, tables.RECORD_REVISION
    query = (
        select_activities(
            tenant_id, record.c.id.label("record_id"), record.c.record_key, record.c.usage_point, revision.c.connector
        )
        .join(revision, revision.c.id == activity.c.record_revision_id)
        .join(record, record.c.id == revision.c.record_id)
        .where(activity.c.subject_id == subject_id, activity.c.is_current)
        .order_by(activity.c.start_at.desc(), activity.c.id.desc())
        .limit(limit_count + 1)
    )
    if months is not None:
        query = query.where(activity.c.month_ym >= months.first.ym, activity.c.month_ym < months.end.ym)
    if cursor:
        at, activity_id = _position_of(cursor)
        is_later = and_(activity.c.start_at == at, activity.c.id < activity_id)
        query = query.where(or_(activity.c.start_at < at, is_later))
    rows, reader = session.execute(query).all(), ActivityReader()
    items = tuple(_activity_row(row, reader) for row in rows[:limit_count])
    is_more = len(rows) > limit_count
    return ActivityPage(items, _cursor_of(items[-1]) if is_more else "")


def months_of(session: Session, tenant_id: str, subject_id: str, *, besides: Collection[str] = ()) -> tuple[Month, ...]:
    """The months that have activity, in order.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        subject_id: Whose.
        besides: Kinds that make no month one with activity.
    """
    query = select(SUM.c.month_ym).where(SUM.c.subject_id == subject_id).distinct()
    if besides:
        key = tables.ACTIVITY_KEY
        query = query.join(key, (key.c.tenant_id == SUM.c.tenant_id) & (key.c.key_id == SUM.c.key_id))
        query = query.where(key.c.kind.not_in(besides))
    rows = session.execute(of_tenant(query, SUM, tenant_id).order_by(SUM.c.month_ym)).scalars()
    return tuple(Month.from_ym(ym) for ym in rows)


def monthly_sums(session: Session, tenant_id: str, subject_id: str, months: MonthRange) -> tuple[MonthSum, ...]:
    """Activity by month and kind, for figures.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        subject_id: Whose.
        months: Month labels.

    Returns:
        By month, kind and unit. A month without activity is absent, not zero.

    Raises:
        LineOverflowError: As `totals`.
    """
    sums: dict[tuple[Month, str, str], tuple[int, int]] = {}
    for total in totals(session, tenant_id, subject_id, months):
        group = (total.month, total.key.kind, total.key.unit)
        quantity_micro, count = sums.get(group, (0, 0))
        sums[group] = (quantity_micro + total.quantity_micro, count + total.activity_count)
    return tuple(MonthSum(*group, *sums[group]) for group in sorted(sums))


def daily_sums(session: Session, tenant_id: str, subject_id: str, months: MonthRange) -> tuple[SpanSum, ...]:
    """Activity by the span it was measured over: one row per local day and kind where meter days are stored.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        subject_id: Whose.
        months: Month labels.

    Returns:
        By start, end and kind. A day without readings is absent, not zero.
    """
    activity, key = tables.ACTIVITY, tables.ACTIVITY_KEY
    query = (
        select(activity.c.start_at, activity.c.end_at, activity.c.month_ym, key.c.kind, key.c.unit, activity.c.quantity_micro)
        .join(key, (key.c.tenant_id == activity.c.tenant_id) & (key.c.key_id == activity.c.key_id))
        .where(
            activity.c.subject_id == subject_id,
            activity.c.month_ym >= months.first.ym,
            activity.c.month_ym < months.end.ym,
            activity.c.is_current,
        )
        .order_by(activity.c.start_at, activity.c.end_at, key.c.kind, key.c.unit)
    )
    sums: dict[tuple[datetime, datetime, Month, str, str], int] = {}
    for start, end, ym, kind, unit, quantity_micro in session.execute(of_tenant(query, activity, tenant_id)):
        group = (start, end, Month.from_ym(ym), kind, unit)
        sums[group] = sums.get(group, 0) + quantity_micro  # in Python: no overflow here, whatever the day
    return tuple(SpanSum(*group, quantity_micro) for group, quantity_micro in sums.items())


def profiles(
    session: Session, tenant_id: str, subject_id: str, *, start: datetime, end: datetime, kinds: Iterable[str] = ()
) -> tuple[DayProfile, ...]:
    """Interval values of the activities that begin in a span.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        subject_id: Whose.
        start: Begin of the span, aware.
        end: End, exclusive, aware.
        kinds: Names of kinds; all where left out.

    Returns:
        By start; an activity without profile is left out.
    """
    activity, key = tables.ACTIVITY, tables.ACTIVITY_KEY
    query = (
        select_activities(tenant_id)
        .where(
            activity.c.subject_id == subject_id,
            activity.c.is_current,
            activity.c.start_at >= start,
            activity.c.start_at < end,
            activity.c.profile.is_not(None),
        )
        .order_by(activity.c.start_at, activity.c.id)
    )
    wanted = tuple(kinds)
    if wanted:
        query = query.where(key.c.kind.in_(wanted))
    reader = ActivityReader()
    made = (reader.activity(row) for row in session.execute(query))
    return tuple(DayProfile(a.start, a.end, a.key, a.profile) for a in made if a.profile is not None)


def of_keys(session: Session, tenant_id: str, subject_id: str, months: MonthRange, key_ids: Iterable[str]) -> Iterator[Activity]:
    """The activities of some keys with their profiles, one after the other: a year of many meters is never in memory at once.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        subject_id: Whose.
        months: Month labels.
        key_ids: Ids of activity keys.

    Returns:
        In the order of the store.
    """
    activity = tables.ACTIVITY
    query = select_activities(tenant_id).where(
        activity.c.subject_id == subject_id,
        activity.c.month_ym >= months.first.ym,
        activity.c.month_ym < months.end.ym,
        activity.c.key_id.in_(sorted(key_ids)),
        activity.c.is_current,
    )
    reader = ActivityReader()
    rows = session.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE_COUNT})
    return (reader.activity(row) for row in rows)


def count_of(session: Session, tenant_id: str, subject_id: str) -> int:
    """How many activities are current."""
    query = select(func.coalesce(func.sum(SUM.c.activity_count), 0)).where(SUM.c.subject_id == subject_id)
    return int(session.execute(of_tenant(query, SUM, tenant_id)).scalar_one())


def _activity_row(row: Any, reader: ActivityReader) -> ActivityRow:  # noqa: ANN401 - a row with joined columns
    return ActivityRow(
        activity_id=row.activity_id,
        record_revision_id=row.record_revision_id,
        record_id=row.record_id,
        record_key=row.record_key,
        usage_point=row.usage_point,
        connector=row.connector,
        activity=reader.activity(row),
    )


def _cursor_of(item: ActivityRow) -> str:
    return f"{int(item.activity.start.timestamp()) * 1_000_000 + item.activity.start.microsecond}-{item.activity_id}"


def _position_of(cursor: str) -> tuple[datetime, int]:
    read = _CURSOR.match(cursor)
    if not read:
        raise InputError("This is not a cursor of ours", expected="next_cursor of the page before", got=cursor, record="cursor")
    at_s, at_us = divmod(int(read[1]), 1_000_000)
    return datetime.fromtimestamp(at_s, UTC).replace(microsecond=at_us), int(read[2])
