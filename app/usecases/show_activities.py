"""The activities of a subject, page by page, and all of them as CSV."""

import csv
from collections.abc import Iterator
from io import StringIO

from app.services import Whose, Work
from app.store import activities, subjects
from app.store.activities import MAX_PAGE_COUNT
from app.store.activities import ActivityRow as StoredRow
from app.usecases.show_days import first_and_last_day, meter_zone
from app.usecases.show_hrefs import Hrefs
from connectors import registry
from connectors.activities import ACTIVITIES
from connectors.typed_bill import TYPED_BILL
from dashboards.pages.activities import ActivitiesModel, ActivityRow
from domain.declared import DECLARED_USAGE_POINT
from domain.errors import NotFoundError
from domain.number import decimal_of_micro, decimal_to_text
from domain.period import MonthRange, instant_to_text

CSV_HEADER = (
    "start",
    "end",
    "month",
    "kind",
    "region",
    "attributes",
    "quantity",
    "unit",
    "quality",
    "evidence",
    "connector",
    "meter",
    "record",
)
"""Columns of the CSV."""

_REMOVABLE = frozenset({TYPED_BILL.manifest.connector_id, ACTIVITIES.manifest.connector_id})
"""Connectors whose records a person removes one by one: a part of a meter's file would come back with the file."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def show_activities(
    work: Work, whose: Whose, *, months: MonthRange | None = None, cursor: str = "", limit_count: int = 50
) -> ActivitiesModel:
    """One page of a subject's activities, newest first.

    Args:
        work: The open transaction and the services; nothing is written.
        whose: The subject.
        months: Only these months; all where left out.
        cursor: Where to go on; empty for the beginning.
        limit_count: Longest page, 1 to 500.

    Returns:
        The page.

    Raises:
        NotFoundError: There is no such subject.
        InputError: The cursor is not one of ours, or the limit is out of range.
    """
    session, tenant_id, subject_id = work.session, whose.tenant_id, whose.subject_id
    subject = subjects.by_id(session, tenant_id, subject_id)
    hrefs, zone = Hrefs(subject_id), meter_zone(work, subject)
    page = activities.page(session, tenant_id, subject_id, cursor=cursor, limit_count=limit_count, months=months)
    rows = []
    for item in page.items:
        one = item.activity
        first, last = first_and_last_day(one.start, one.end, zone)
        rows.append(
            ActivityRow(
                start_date=first,
                end_date=last,
                key=one.key,
                quantity_micro=one.quantity_micro,
                quality=one.quality,
                evidence=one.evidence,
                source=_source(item),
                href=hrefs.why(MonthRange.of_month(one.month)),
                remove_href=hrefs.remove(item.record_id) if item.connector in _REMOVABLE else "",
            )
        )
    return ActivitiesModel(
        period=months,
        rows=tuple(rows),
        total_count=_total_count(work, whose, months),
        next_href=hrefs.activities(months, cursor=page.next_cursor) if page.next_cursor else "",
        csv_href=hrefs.activities_csv(months),
        back_href=hrefs.home,
    )


def activities_csv(work: Work, whose: Whose, *, months: MonthRange | None = None) -> str:
    """All activities as CSV, newest first: instants in UTC, quantities exact.

    Args:
        work: The open transaction and the services; nothing is written.
        whose: The subject.
        months: Only these months; all where left out.

    Returns:
        RFC 4180 text with a header. Text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(CSV_HEADER)
    for item in _all(work, whose, months):
        one = item.activity
        writer.writerow(
            [
                instant_to_text(one.start),
                instant_to_text(one.end),
                one.month,
                one.key.kind,
                one.key.region,
                plain_cell(";".join(f"{name}={value}" for name, value in one.key.attributes)),
                decimal_to_text(decimal_of_micro(one.quantity_micro)),
                one.key.unit,
                one.quality,
                one.evidence,
                item.connector,
                plain_cell(item.usage_point),
                plain_cell(item.record_key),
            ]
        )
    return out.getvalue()


def _all(work: Work, whose: Whose, months: MonthRange | None) -> Iterator[StoredRow]:
    cursor = ""
    while True:
        page = activities.page(
            work.session, whose.tenant_id, whose.subject_id, cursor=cursor, limit_count=MAX_PAGE_COUNT, months=months
        )
        yield from page.items
        cursor = page.next_cursor
        if not cursor:
            return


def _total_count(work: Work, whose: Whose, months: MonthRange | None) -> int:
    if months is None:
        return activities.count_of(work.session, whose.tenant_id, whose.subject_id)
    totals = activities.totals(work.session, whose.tenant_id, whose.subject_id, months)
    return sum(total.activity_count for total in totals)


def _source(item: StoredRow) -> str:
    """Connector and meter as people know them; of a meter's address only the end, the CSV has the whole."""
    try:
        title = registry.find(item.connector).manifest.title.partition(" (")[0]
    except NotFoundError:  # a connector that is no longer installed
        title = item.connector
    meter = "" if item.usage_point == DECLARED_USAGE_POINT else item.usage_point.rpartition("/")[2]
    return f"{title}, {meter}" if meter else title


def plain_cell(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
