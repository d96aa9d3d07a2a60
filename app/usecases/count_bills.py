"""Counting typed bills once: beside each other, and beside what meters measured."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from app.services import Whose, Work
from app.store import activities, connections, documents, records
from app.store.activities import ActivityRow
from app.store.records import RecordInput
from app.usecases.keep_original import fetch_original
from connectors.typed_bill import TYPED_BILL
from connectors.typed_bill.parse import Bill, bill_of_document
from domain.activity import Activity
from domain.declared import DECLARED_USAGE_POINT
from domain.errors import ConflictError
from domain.period import Month, MonthRange, Period, date_from_text, day_period, local_day, zone_of
from domain.split import bill_period

_CONNECTOR = TYPED_BILL.manifest.connector_id
_PAGE_COUNT = 500
_DAY = timedelta(days=1)
_HALF_DAY = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class BillsAside:
    """Bills that no longer count.

    Attributes:
        months: Months whose activity is other than before.
        notes: Which bills, in plain words.
    """

    months: frozenset[Month] = frozenset()
    notes: tuple[str, ...] = ()


def check_bill(work: Work, whose: Whose, bill: Bill) -> None:
    """Refuse a bill that would count the same days twice; the same utility and days again is a correction.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        bill: What was typed; its days are days.

    Raises:
        ConflictError: Another bill of the utility has some of the days, or other data cover them and the bill is not additional.
    """
    period = _period_of(bill)
    rows = [
        row
        for row in _electricity_rows(work, whose, period)
        if row.activity.start < period.end and period.start < row.activity.end
    ]
    of_utility = [row for row in rows if row.connector == _CONNECTOR and row.usage_point == bill.utility]
    if any(_is_same_bill(row, bill, period) for row in of_utility):
        return
    for row in rows:
        if row in of_utility:
            raise ConflictError(
                "This bill overlaps another one of the same utility",
                expected="days that no other bill of this utility has",
                got=f"{bill.first_date} to {bill.last_date}",
                record=row.record_key,
                next_step="Correct the other bill: type it again with the same days; or remove it.",
            )
        if not bill.is_additional:
            raise ConflictError(
                "These days are measured already, and would count twice",
                expected="days without other electricity data, or a bill that is said to be additional",
                got=f"{bill.first_date} to {bill.last_date}",
                record=f"{row.connector} {row.usage_point}".strip(),
                next_step="Leave the bill out; or, if it is for another meter, say that it is additional.",
            )


def corrected_bill(work: Work, whose: Whose, bill: Bill) -> Bill | None:
    """The bill that counts of the same utility and days, which this one corrects; None where there is none.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        bill: What was typed.

    Returns:
        What was typed before.

    Raises:
        ArchiveError: The archive has lost or changed it.
        NotFoundError: The subject's key was destroyed.
    """
    period = _period_of(bill)
    for row in _electricity_rows(work, whose, period):
        if row.connector == _CONNECTOR and row.usage_point == bill.utility and _is_same_bill(row, bill, period):
            return _typed(work, whose, row.record_revision_id)
    return None


def set_bills_aside(work: Work, whose: Whose, months: Iterable[Month]) -> BillsAside:
    """Set aside the typed bills of these months whose days are all measured now; a bill said to be additional stays.

    Args:
        work: The open transaction, in which the measured days are stored already.
        whose: The subject.
        months: Months whose activity changed.

    Returns:
        What was set aside: a removal in the record's history.

    Raises:
        ArchiveError: The archive has lost or changed a bill.
        ConflictError: A bill's days are measured in part: neither alone says what was used.
        NotFoundError: The subject's key was destroyed.
    """
    changed = sorted(months)
    if not changed or not _has_bills(work, whose):
        return BillsAside()
    span = MonthRange(changed[0], changed[-1].plus(1))
    found = {row.record_revision_id: row for row in _rows(work, whose, span) if row.connector == _CONNECTOR}
    gone: set[Month] = set()
    notes = []
    for revision_id, row in sorted(found.items(), key=lambda one: one[1].record_key):
        bill = _typed(work, whose, revision_id)
        if bill.is_additional or not _is_measured(work, whose, bill):
            continue
        gone |= _remove(work, whose, row)
        notes.append(
            f"the typed bill of {bill.utility} for {bill.first_date} to {bill.last_date} is set aside: its days are measured now"
        )
    return BillsAside(frozenset(gone), tuple(notes))


def _is_measured(work: Work, whose: Whose, bill: Bill) -> bool:
    """Whether every day of a bill is measured; False where none is.

    Raises:
        ConflictError: Some are.
    """
    zone = zone_of(bill.zone, record="typed bill")
    first, last = date_from_text(bill.first_date), date_from_text(bill.last_date)
    days = {first + n * _DAY: day_period(first + n * _DAY, zone) for n in range((last - first).days + 1)}
    measured = set()
    for row in _electricity_rows(work, whose, _period_of(bill)):
        if row.connector != _CONNECTOR:
            middle = local_day(row.activity.start + (row.activity.end - row.activity.start) / 2, zone)
            measured |= ({middle} & days.keys()) | _days_inside(row.activity, days)
    if measured and len(measured) < len(days):
        raise ConflictError(
            "A typed bill counts part of these days already",
            expected="a file that measures all days of the bill, or none",
            got=f"{len(measured)} of {len(days)} days, {min(measured)} to {max(measured)}",
            record=f"bill of {bill.utility}, {bill.first_date} to {bill.last_date}",
            next_step="Remove the bill, or type it again and say that it is additional; then take the file in again.",
        )
    return bool(measured)


def _days_inside(activity: Activity, days: Mapping[date, Period]) -> set[date]:
    """The days of which an activity covers at least half."""
    if activity.end - activity.start < _HALF_DAY:
        return set()
    return {day for day, period in days.items() if min(period.end, activity.end) - max(period.start, activity.start) >= _HALF_DAY}


def _remove(work: Work, whose: Whose, row: ActivityRow) -> frozenset[Month]:
    """Remove a record on purpose: a revision that says nothing and was taken from nothing."""
    place = records.place_of(work.session, whose.tenant_id, whose.subject_id, row.record_id)
    stored = records.upsert(
        work.session,
        whose.tenant_id,
        whose.subject_id,
        place.connection_id,
        RecordInput(row.connector, TYPED_BILL.manifest.parser_version, row.record_key, row.usage_point, (), ()),
        recorded_at=work.services.clock.now(),
        new_id=work.services.randomness.id,
    )
    return stored.months


def _typed(work: Work, whose: Whose, record_revision_id: str) -> Bill:
    """What was typed last for a record."""
    revision = records.by_revision_id(work.session, whose.tenant_id, record_revision_id).revision
    row = documents.by_sha256(work.session, whose.tenant_id, whose.subject_id, revision.document_sha256s[-1])
    return bill_of_document(fetch_original(work, row))


def _has_bills(work: Work, whose: Whose) -> bool:
    mine = connections.of_subject(work.session, whose.tenant_id, whose.subject_id)
    return any(connection.connector == _CONNECTOR for connection in mine)


def _period_of(bill: Bill) -> Period:
    first, last = date_from_text(bill.first_date, record="first day"), date_from_text(bill.last_date, record="last day")
    return bill_period(first, last, zone_of(bill.zone, record="typed bill"))


def _is_same_bill(row: ActivityRow, bill: Bill, period: Period) -> bool:
    """Whether a row is of a bill of exactly these days; a bill of one day is a meter day."""
    length_s = int((period.end - period.start).total_seconds())
    span = f"|{period.start:%Y-%m-%dT%H:%M:%SZ}|{length_s}"
    return row.record_key.endswith(span) or (bill.first_date == bill.last_date and row.record_key.endswith(f"|{bill.first_date}"))


def _electricity_rows(work: Work, whose: Whose, period: Period) -> Iterator[ActivityRow]:
    first, last = (period.start - _DAY).date(), (period.end + _DAY).date()
    months = MonthRange(Month(first.year, first.month), Month(last.year, last.month).plus(1))
    return _rows(work, whose, months)


def _rows(work: Work, whose: Whose, months: MonthRange) -> Iterator[ActivityRow]:
    """Current electricity of these months."""
    cursor = ""
    while True:
        page = activities.page(
            work.session, whose.tenant_id, whose.subject_id, cursor=cursor, limit_count=_PAGE_COUNT, months=months
        )
        yield from (row for row in page.items if _is_measured_electricity(row))
        if not page.next_cursor:
            return
        cursor = page.next_cursor


def _is_measured_electricity(row: ActivityRow) -> bool:
    """Whether a row is electricity of a meter or bill; what was declared one by one says nothing about the other hours."""
    return row.activity.key.kind == "electricity" and row.usage_point != DECLARED_USAGE_POINT
