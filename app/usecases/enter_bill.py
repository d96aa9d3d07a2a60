"""Typing a bill: what a person says about one bill, kept as a document of its own, and counted once."""

from dataclasses import dataclass, replace

from app.services import Whose, Work
from app.store import connections, subjects
from app.usecases.count_bills import corrected_bill
from app.usecases.import_document import import_document
from app.usecases.import_report import ImportReport
from app.usecases.keep_original import Received, keep_original
from app.usecases.place_meter import MeterPlace, place_meter
from connectors.typed_bill.parse import Bill, bill_document
from domain.activity import EvidenceClass
from domain.errors import InputError, TimeError
from domain.period import date_from_text, local_day, zone_of
from domain.place import Place

CONNECTOR = "typed-bill"
_LONGEST_NAME_COUNT = 120


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
    _check_over(work, bill, zone)
    kept = keep_original(work, whose, CONNECTOR, attachment) if attachment else None
    typed = Bill(
        utility=utility,
        first_date=bill.first_date,
        last_date=bill.last_date,
        amount_text=bill.amount_text.strip(),
        unit=bill.unit,
        zone=zone,
        attachment_sha256=kept.sha256 if kept else "",
        is_additional=bill.is_additional,
    )
    corrected = corrected_bill(work, whose, typed)
    if corrected and corrected.is_additional:  # a correction of the amount says nothing else
        typed = replace(typed, is_additional=True)
    name = f"{utility}, {bill.first_date} to {bill.last_date}"
    received = Received(bill_document(typed), "application/json", EvidenceClass.TYPED, document_name=name)
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


def _check_over(work: Work, bill: BillInput, zone_name: str) -> None:
    """Refuse days that are no days, or that are not over.

    Raises:
        TimeError: They are not.
    """
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
