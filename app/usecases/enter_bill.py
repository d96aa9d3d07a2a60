"""Typing a bill: what a person says about one bill, kept as a document of its own, and counted once."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from app.services import Whose, Work
from app.store import activities, connections, subjects
from app.store.activities import ActivityRow
from app.usecases.import_document import ImportReport, import_document
from app.usecases.keep_original import Received, keep_original
from app.usecases.place_meter import MeterPlace, place_meter
from connectors.typed_bill.parse import Bill, bill_document
from domain.activity import EvidenceClass
from domain.errors import ConflictError, InputError, TimeError
from domain.period import Month, MonthRange, Period, date_from_text, local_day, zone_of
from domain.place import Place
from domain.split import bill_period

CONNECTOR = "typed-bill"
_LONGEST_NAME_COUNT = 120
_PAGE_COUNT = 500


@dataclass(frozen=True, slots=True)
class BillInput:
    """What a person typed.

    Attributes:
        utility: Name of the utility.
        first_date: First day of the bill, `2024-03-01`.
        last_date: Last day, in the bill, too.
        amount_text: Amount, decimal text.
        unit: Its unit.
        is_additional: Count it although other data cover these days.
    """

    utility: str
    first_date: str
    last_date: str
    amount_text: str
    unit: str = "kWh"
    is_additional: bool = False


def enter_bill(
    work: Work, whose: Whose, bill: BillInput, *, place: Place | None = None, attachment: Received | None = None
) -> ImportReport:
    """Take in a typed bill; the same utility and days again is a correction.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        bill: What was typed.
        place: Where the meter is; the subject's home where left out.
        attachment: A file that shows the bill, kept as an original of its own.

    Returns:
        What became of it.

    Raises:
        NotFoundError: There is no such subject.
        InputError: The utility has no name.
        TimeError: The last day is in the future, or the days are no days.
        PlaceError: The place or its time zone must be asked for.
        ConflictError: The days overlap another bill of this utility, or other data, and it is not said to be additional.
        DocumentError: The amount or its unit cannot be.
    """
    utility = " ".join(bill.utility.split())
    if not 1 <= len(utility) <= _LONGEST_NAME_COUNT or not utility.isprintable():
        raise InputError(
            "A bill names its utility", expected=f"1 to {_LONGEST_NAME_COUNT} characters", got=bill.utility, record="utility"
        )
    meter = _place_of(work, whose, utility, place)
    zone = meter.zone
    period = _period_of(work, bill, zone)
    _check_overlap(work, whose, bill, utility, period)
    kept = keep_original(work, whose, CONNECTOR, attachment) if attachment else None
    document = bill_document(
        Bill(
            utility=utility,
            first_date=bill.first_date,
            last_date=bill.last_date,
            amount_text=bill.amount_text.strip(),
            unit=bill.unit,
            zone=zone,
            attachment_sha256=kept.sha256 if kept else "",
        )
    )
    name = f"{utility}, {bill.first_date} to {bill.last_date}"
    received = Received(document, "application/json", EvidenceClass.TYPED, document_name=name)
    return import_document(work, whose, CONNECTOR, received, place=meter)


def _place_of(work: Work, whose: Whose, utility: str, place: Place | None) -> Place:
    """Where the utility's meter is; found before the document is made, since its days are local."""
    subject = subjects.by_id(work.session, whose.tenant_id, whose.subject_id)
    known = [
        MeterPlace(Place(point.region, point.region.split("/")[0], point.zone), point.zone_source)
        for connection in connections.of_subject(work.session, whose.tenant_id, whose.subject_id)
        if connection.is_file and connection.connector == CONNECTOR
        for point in connections.usage_points_of(work.session, whose.tenant_id, connection.id)
        if point.name == utility
    ]
    found = place_meter(
        utility,
        given=place,
        registered=known[0] if known else None,
        home=Place(subject.region, subject.country, subject.zone) if subject.region else None,
        clock=None,
        zones_of_region=work.services.zones_of_region,
    )
    return found.place


def _period_of(work: Work, bill: BillInput, zone_name: str) -> Period:
    zone = zone_of(zone_name, record="place")
    first, last = date_from_text(bill.first_date, record="first day"), date_from_text(bill.last_date, record="last day")
    today = local_day(work.services.clock.now(), zone)
    if last > today:
        raise TimeError(
            "This bill ends in the future",
            expected=f"a last day up to {today}",
            got=str(last),
            record="last day",
            next_step="Check the year, or wait for the bill.",
        )
    if last < first:
        raise TimeError("A bill ends after it begins", expected=f"a last day from {first} on", got=str(last), record="last day")
    return bill_period(first, last, zone)


def _check_overlap(work: Work, whose: Whose, bill: BillInput, utility: str, period: Period) -> None:
    """Refuse what would count the same days twice.

    Raises:
        ConflictError: Another bill of the utility has some of the days, or other data cover them.
    """
    rows = [
        row
        for row in _electricity_rows(work, whose, period)
        if row.activity.start < period.end and period.start < row.activity.end
    ]
    of_utility = [row for row in rows if row.connector == CONNECTOR and row.usage_point == utility]
    if any(row.record_key.endswith(_span_name(period)) for row in of_utility):
        return  # the same days of the same utility: a correction of what stands already
    for row in rows:
        if row in of_utility:
            raise ConflictError(
                "This bill overlaps another one of the same utility",
                expected="days that no other bill of this utility has",
                got=f"{bill.first_date} to {bill.last_date}",
                record=row.record_key,
                next_step="Correct the other bill: type it again with the same days.",
            )
        if not bill.is_additional:
            raise ConflictError(
                "These days are measured already, and would count twice",
                expected="days without other electricity data, or a bill that is said to be additional",
                got=f"{bill.first_date} to {bill.last_date}",
                record=f"{row.connector} {row.usage_point}".strip(),
                next_step="Leave the bill out; or, if it is for another meter, say that it is additional.",
            )


def _electricity_rows(work: Work, whose: Whose, period: Period) -> Iterator[ActivityRow]:
    day = timedelta(days=1)
    first, last = (period.start - day).date(), (period.end + day).date()
    months = MonthRange(Month(first.year, first.month), Month(last.year, last.month).plus(1))
    cursor = ""
    while True:
        page = activities.page(
            work.session, whose.tenant_id, whose.subject_id, cursor=cursor, limit_count=_PAGE_COUNT, months=months
        )
        yield from (row for row in page.items if row.activity.key.kind == "electricity")
        if not page.next_cursor:
            return
        cursor = page.next_cursor


def _span_name(period: Period) -> str:
    """How the record key of a span of exactly this time ends."""
    return f"|{period.start:%Y-%m-%dT%H:%M:%SZ}|{int((period.end - period.start).total_seconds())}"
